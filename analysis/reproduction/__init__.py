"""The claims of arXiv 2407.02099 one by one, against what is public without any LLM.

python -m analysis.reproduction --scores all_scores.csv > docs/reproduction.md
python -m analysis.reproduction --scores all_scores.csv --tweets largeScale.csv --json

The scores are the authors' own per persona (peluz/persona-behavior). With the files of the data
sets that the authors used more claims can be checked, those about people and about right answers.
Everything goes through the same statistics as an experiment of one's own.
"""
