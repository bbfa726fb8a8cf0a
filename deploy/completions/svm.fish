# The arguments of svm, for fish.
complete -c svm -f
complete -c svm -n __fish_is_first_arg -a check -d 'Validate the configuration and print it'
complete -c svm -n __fish_is_first_arg -a healthcheck -d 'Ask the running service for its health'
complete -c svm -n __fish_is_first_arg -l help -d 'Print the usage and the variables'
complete -c svm -n __fish_is_first_arg -l version -d 'Print the version'
complete -c svm -n '__fish_seen_subcommand_from healthcheck' -l ready -d 'Ask whether it accepts clients'
