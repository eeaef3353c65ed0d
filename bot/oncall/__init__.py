"""Who is on call: schedules of the configuration and of calendars, what people change, and what follows a change."""
