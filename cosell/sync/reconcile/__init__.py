"""Compares everything that both sides say, page by page, finds what was missed, and heals it like everything else.

`compare` judges one pair and one newcomer, `scan` brings all of them past it, `alarms` says when a person is asked
before the first write, `heal` takes each finding down the road which its flow would take.
"""
