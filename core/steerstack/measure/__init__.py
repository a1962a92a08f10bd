"""What an arm does to items: scores, competence, metrics, judges, costs."""
