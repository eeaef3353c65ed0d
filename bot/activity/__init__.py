"""What happens in a service's repository, told in its channel: quiet by default, one message per pipeline."""
