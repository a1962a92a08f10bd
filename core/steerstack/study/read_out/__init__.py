"""Does the direction along which a behaviour can be read off also steer it?"""
