"""Do threads make pure Python code faster, and do processes?

A loop that counts down holds the global interpreter lock all the time. Two threads take turns; two
processes have a lock each.
"""
