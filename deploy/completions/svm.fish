# The arguments of svm, for fish.
complete -c svm -f
complete -c svm -n __fish_is_first_arg -a check -d 'validate the configuration and print it'
complete -c svm -n __fish_is_first_arg -a healthcheck -d 'ask the running service for its health'
complete -c svm -n __fish_is_first_arg -a explain -d 'ask the running service why it answers a URL as it does'
complete -c svm -n __fish_is_first_arg -s h -l help -d 'print this text, or behind a command its own'
complete -c svm -n __fish_is_first_arg -l help-all -d 'print this text with every variable'
complete -c svm -n __fish_is_first_arg -s V -l version -d 'print the version, its commit and the day of the commit'
complete -c svm -n '__fish_seen_subcommand_from check' -s h -l help -d 'print this text, or behind a command its own'
complete -c svm -n '__fish_seen_subcommand_from healthcheck' -l ready -d 'ask whether it accepts clients, at /readyz'
complete -c svm -n '__fish_seen_subcommand_from healthcheck' -s h -l help -d 'print this text, or behind a command its own'
complete -c svm -n '__fish_seen_subcommand_from explain' -l json -d 'print the JSON of /explain instead of its sentences'
complete -c svm -n '__fish_seen_subcommand_from explain' -s h -l help -d 'print this text, or behind a command its own'
