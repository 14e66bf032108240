"""Which layout and which client settings start a recorded workload soonest on a network.

`subject_of_workload` or `image_subject` gathers what is tuned, `tune` searches, `tuning_text` and `document` tell.
"""
