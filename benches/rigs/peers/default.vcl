# Varnish in front of the upstream: what the built-in subroutines do, but for the key. What is in braces is filled in.
vcl 4.1;

backend documents {
    .host = "{host}";
    .port = "{port}";
}

# The same document by whatever name it is asked, as with the others.
sub vcl_hash {
    hash_data(req.url);
    return (lookup);
}
