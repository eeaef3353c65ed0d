"""What is allowed: facts about one wish, the policy of one place, and the evaluator that decides. No I/O, no clock."""
