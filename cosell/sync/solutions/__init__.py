"""Microsoft solutions of a deal, both ways: members of the referral's list, child rows of the opportunity.

Each solution is a field of its own in the one three-way merge (`solution:SOL-…`); this package reads and writes them.
"""
