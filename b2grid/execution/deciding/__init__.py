"""What is decided about each kind of event; `b2grid.execution.decide` is the way in.

==============  ==============================================================================
`attempts`      attempts that began and ended: retries, holds, what is charged
`gate`          scouts, and the main jobs behind them
`sending`       the window of jobs in Dask
`waiting`       time: delayed retries, places that are tried again, attempts that never begin
`places`        hosts and storage elements: what is taken out, probed, taken back; downtimes
`breaker`       failures in mass
`pausing`       why nothing is sent
`voiding`       jobs that are ended
`replanning`    revisions of the plan
`moving`        from one site to another
`requests`      what the owner asks
`changes`       one job, or many, in another state, and the line that says so
==============  ==============================================================================
"""
