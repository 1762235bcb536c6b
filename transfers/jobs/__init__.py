"""Jobs: resumable rows. The process that holds a job's lock runs the remaining steps.

`base` and the three kinds (`local_file`, `linked_file`, `caller_upload`) know the steps; `context` is what they need,
`runner` runs them in this process, `repository` stores and locks them, `recovery` resumes those of dead processes.
"""
