"""Mail to managers and requesters: planned from the sealed audit log, written in their language, sent by SMTP.

Planning follows the log's batches one by one, so a mail is neither forgotten nor planned twice, whatever is
restarted. Sending marks a mail as begun before the mail server hears of it: should the desk die in between, the
mail is not sent a second time.
"""
