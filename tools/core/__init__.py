"""What every tool shares: arguments, context, dispatch, consent, results."""
