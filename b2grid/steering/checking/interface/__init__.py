"""What it takes from basf2, held against the interface facts: functions, modules, names, skims."""
