"""What an enrollment is: requests, certificates, organisations, managers, their states and errors.

Standard library only, no input or output: everything else in Certdesk may import this package,
and it imports nothing of Certdesk's.
"""
