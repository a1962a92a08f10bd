"""One reward, three parameterisations: does a vector learn what adapters and all weights learn from it?"""
