# web.pl PORT: a web server of one page at a time, for the quickstart only.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my $port = shift or die "web.pl PORT\n";
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "cannot listen on port $port: $!\n";
print "listening on http://127.0.0.1:$port/\n";
while (my $client = $server->accept) {
    my $request = <$client> // '';
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?$/ }
    my ($path) = $request =~ m{^GET /([\w.-]*)};
    $path = 'index.html' if defined $path && $path eq '';
    my ($status, $body) = ('404 Not Found', "not found\n");
    if (defined $path && open my $file, '<', $path) {
        local $/;
        ($status, $body) = ('200 OK', <$file>);
    }
    print $client "HTTP/1.0 $status\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ", length $body, "\r\n\r\n$body";
    $request =~ s/\s+$//;
    print "$request: $status\n";
}
