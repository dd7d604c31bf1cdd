//! Addresses of things that speak HTTP: `http://`, `https://` and, beyond the reference, `unix:///socket:/path`.

use super::Endpoint;

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Where to connect.
    pub endpoint: Endpoint,
    /// True for https.
    pub tls: bool,
    /// What the `Host` header says.
    pub host: String,
    /// Path and query, never empty.
    pub target: String,
    /// `user:password` before the host.
    pub credentials: Option<(String, String)>,
}

/// Why a text is no URL of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither http, https nor unix.
    #[error("Bad scheme {0}")]
    Scheme(String),
    /// Nothing to connect to, or a port that is no number.
    #[error("{0:?} names no host and port to connect to")]
    Host(String),
}

impl Url {
    /// A socket's whole path, whatever letters it has.
    #[must_use]
    pub fn of_socket(path: &str) -> Self {
        Self {
            endpoint: Endpoint::Unix(path.into()),
            tls: false,
            host: "localhost".to_owned(),
            target: "/".to_owned(),
            credentials: None,
        }
    }

    /// Take a URL apart; a fragment is dropped.
    ///
    /// # Errors
    /// An unknown scheme, no host, or a port that is none.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let rest = rest.split('#').next().unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "http" => Self::over_tcp(text, rest, false),
            "https" => Self::over_tcp(text, rest, true),
            "unix" => Self::over_unix(text, rest),
            other => Err(UrlError::Scheme(other.to_owned())),
        }
    }

    fn over_tcp(text: &str, rest: &str, tls: bool) -> Result<Self, UrlError> {
        let bad = || UrlError::Host(text.to_owned());
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (place, target) = rest.split_at(at);
        let (credentials, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user.split_once(':').unwrap_or((user, ""))), place),
            None => (None, place),
        };
        let (host, port) = split_port(place).ok_or_else(bad)?;
        if host.is_empty() {
            return Err(bad());
        }
        let endpoint = Endpoint::Tcp(host.to_owned(), port.unwrap_or(if tls { 443 } else { 80 }));
        let credentials = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
        Ok(Self { endpoint, tls, host: place.to_owned(), target: with_slash(target), credentials })
    }

    fn over_unix(text: &str, rest: &str) -> Result<Self, UrlError> {
        // A path may hold a colon; one before a slash begins what is asked for.
        let at = rest.find(":/").unwrap_or(rest.len());
        let (path, target) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        if path.is_empty() {
            return Err(UrlError::Host(text.to_owned()));
        }
        Ok(Self { target: with_slash(target), ..Self::of_socket(path) })
    }
}

/// A host and the port after its last colon, if there is one; `None` if that is no port.
#[must_use]
pub fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        // The colons of an IPv6 address stand inside brackets.
        Some((host, port)) if !port.contains(']') => {
            if port.is_empty() {
                return Some((host, None));
            }
            Some((host, Some(port.parse().ok()?)))
        }
        _ => Some((text, None)),
    }
}

fn with_slash(target: &str) -> String {
    if target.starts_with('/') { target.to_owned() } else { format!("/{target}") }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Url, UrlError};

    #[test]
    fn urls_are_taken_apart() {
        for (text, endpoint, host, target) in [
            ("http://a", Endpoint::Tcp("a".into(), 80), "a", "/"),
            ("HTTPS://a:8443/x?y=1#z", Endpoint::Tcp("a".into(), 8443), "a:8443", "/x?y=1"),
            ("http://[::1]:80?q", Endpoint::Tcp("[::1]".into(), 80), "[::1]:80", "/?q"),
            ("http://[::1]/", Endpoint::Tcp("[::1]".into(), 80), "[::1]", "/"),
            ("http://a:/", Endpoint::Tcp("a".into(), 80), "a:", "/"),
            ("unix:///run/a.sock", Endpoint::Unix("/run/a.sock".into()), "localhost", "/"),
            ("unix:///run/a:b.sock", Endpoint::Unix("/run/a:b.sock".into()), "localhost", "/"),
            ("unix:///run/a.sock:/up?q", Endpoint::Unix("/run/a.sock".into()), "localhost", "/up?q"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.endpoint, url.host.as_str(), url.target.as_str()), (endpoint, host, target), "{text}");
        }
        let url = Url::parse("http://me:a%20b@host/").unwrap();
        assert_eq!((url.host.as_str(), url.credentials), ("host", Some(("me".into(), "a%20b".into()))));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        assert_eq!(Url::parse("ftp://a/"), Err(UrlError::Scheme("ftp".into())));
        assert_eq!(Url::parse("localhost:80/"), Err(UrlError::Scheme(String::new())));
        for text in ["http://", "http:///x", "http://a:b/", "http://a:99999/", "unix://"] {
            assert_eq!(Url::parse(text), Err(UrlError::Host(text.into())), "{text}");
        }
    }
}
