# Varnish in front of the upstream: the built-in subroutines, except for the key. Words in
# braces are filled in.
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
