"""Downloads of attachments into one folder: resumable, in bounded memory, and never over a file that is there."""
