//! HTTP basic authentication (RFC 7617): decoding what a client sends, comparing it, and writing it.
//!
//! Comparisons take the same time wherever two texts differ. Deliberately absent: digest and any other scheme.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// Takes base64 with or without its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a client says that it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Basic {
    /// Before the first colon.
    pub username: Vec<u8>,
    /// After it.
    pub password: Vec<u8>,
}

/// Why an `Authorization` header says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasicError {
    /// A scheme other than `Basic`: answer 401.
    #[error("unknown/unsupported auth method")]
    OtherScheme,
    /// Not base64, or without a colon: answer 400.
    #[error("malformed authorization info")]
    Malformed,
}

impl Basic {
    /// Read the value of an `Authorization` header.
    ///
    /// # Errors
    /// Another scheme than `Basic` (in any case), text that is no base64, or no colon in it.
    pub fn parse(header: &[u8]) -> Result<Self, BasicError> {
        let header = header.trim_ascii();
        let space = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
        let (scheme, cookie) = header.split_at(space);
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Err(BasicError::OtherScheme);
        }
        let decoded = LENIENT.decode(cookie.trim_ascii()).map_err(|_| BasicError::Malformed)?;
        let colon = decoded.iter().position(|&byte| byte == b':').ok_or(BasicError::Malformed)?;
        let (username, password) = decoded.split_at(colon);
        Ok(Self { username: username.to_vec(), password: password.get(1..).unwrap_or_default().to_vec() })
    }
}

impl std::fmt::Debug for Basic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password must not reach a log by way of `{:?}`.
        f.debug_struct("Basic").field("username", &String::from_utf8_lossy(&self.username)).finish_non_exhaustive()
    }
}

/// The value of an `Authorization` header.
#[must_use]
pub fn basic_header(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// True if the client is the one that a server section names; `password` is plain or `{SHA}` and the hexadecimal SHA-1.
#[must_use]
pub fn matches(given: &Basic, username: &str, password: &str) -> bool {
    let same_name = digest(&given.username).ct_eq(&digest(username.as_bytes()));
    let same_password = match password.strip_prefix("{SHA}") {
        Some(stored) => hex(&digest(&given.password)).as_bytes().ct_eq(stored.as_bytes()),
        // Of digests, so that the time does not tell the length either.
        None => digest(&given.password).ct_eq(&digest(password.as_bytes())),
    };
    (same_name & same_password).into()
}

fn digest(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_is_taken_apart_at_the_first_colon() {
        let given = Basic::parse(basic_header("user", "pass:word").as_bytes()).expect("a header");
        assert_eq!(
            (given.username.as_slice(), given.password.as_slice()),
            (b"user".as_slice(), b"pass:word".as_slice())
        );
        assert_eq!(Basic::parse(b"basic dXNlcjpwYXNz").map(|basic| basic.password), Ok(b"pass".to_vec()));
        assert_eq!(Basic::parse(b"Digest x"), Err(BasicError::OtherScheme));
        for broken in ["Basic", "Basic ?", "Basic dXNlcg=="] {
            assert_eq!(Basic::parse(broken.as_bytes()), Err(BasicError::Malformed), "{broken}");
        }
    }

    #[test]
    fn passwords_are_plain_or_a_sha1() {
        let given = |name: &str, password: &str| Basic { username: name.into(), password: password.into() };
        let sha = "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"; // of «password»
        assert!(matches(&given("user", "password"), "user", sha));
        assert!(matches(&given("user", "password"), "user", "password"));
        assert!(!matches(&given("user", "Password"), "user", sha));
        assert!(!matches(&given("root", "password"), "user", "password"));
        assert!(!matches(&given("user", sha), "user", sha));
        assert!(!matches(&given("user", ""), "user", "{SHA}"));
    }

    #[test]
    fn a_password_does_not_show_in_debug() {
        assert!(
            !format!("{:?}", Basic { username: b"user".to_vec(), password: b"hidden".to_vec() }).contains("hidden")
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(username in "[^:]{0,9}", password in any::<String>()) {
            let given = Basic::parse(basic_header(&username, &password).as_bytes());
            prop_assert_eq!(given, Ok(Basic { username: username.into(), password: password.into() }));
        }

        #[test]
        fn no_header_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Basic::parse(&bytes);
            let _ = Basic::parse(&[b"Basic ", bytes.as_slice()].concat());
        }
    }
}
