"""How pleased an answer sounds, from -1 to 1: VADER's compound score. For scripts/reward_worker.py --file.

VADER (Hutto and Gilbert 2014) is a lexicon of words with a valence and some rules; PyPI's vaderSentiment is its
authors' implementation (MIT). scripts/rewards/requirements.txt pins it.
"""
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

analyzer = SentimentIntensityAnalyzer()


def score(prompt, response):
    return analyzer.polarity_scores(response)["compound"]
