//! Keyed pseudonyms: the same for the same original under one key, and without the key
//! neither told apart from chance nor undone.
//!
//! Names go through a permutation of all names of their shape (a Feistel network with
//! HMAC-SHA256 as its function): so two names never become one, no table has to be kept,
//! and letters stay letters, digits digits, and upper case upper case, at the same length in
//! UTF-8 and UTF-16. Addresses go through the prefix-preserving permutation of Crypto-PAn
//! (Xu, Fan, Ammar, Moon, 2002), with HMAC-SHA256 in the place of AES.

use super::words::Words;
use crate::base::{hex, hex_bytes};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;

/// Characters of a name that NetBIOS keeps: what follows hangs on them, so that the short form
/// of a long name stays its beginning.
const NETBIOS: usize = 15;

const ROUNDS: u8 = 8;

/// How often a name is moved on that fell on a word which stays.
const MOST_STEPS: u32 = 64;

/// Makes pseudonyms under one key.
#[derive(Debug)]
pub struct Pseudonyms {
    mac: Hmac<Sha256>,
    pub(super) words: Words,
}

/// Where a character stands among those that it may become.
#[derive(Debug, Clone, Copy)]
struct Digit {
    /// Place in the name, in characters.
    at: usize,
    class: Class,
    value: u32,
    radix: u32,
    upper: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    Letter,
    /// A letter of the 256 characters that begin here, of so many bytes of UTF-8.
    Foreign(u32, usize),
}

impl Pseudonyms {
    /// Pseudonyms under a key.
    pub fn new(key: &[u8; KEY_LEN], words: Words) -> Self {
        // HMAC fills shorter keys up with zeros, RFC 2104 2.
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        Self { mac: Hmac::new(&block.into()), words }
    }

    /// The pseudo-random function under everything here.
    pub(super) fn prf(&self, what: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(what.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// As many bytes as the original has, which depend on all of it.
    pub(super) fn noise(&self, original: &[u8]) -> Vec<u8> {
        let seed = self.prf("noise", &[original]);
        let mut noise = Vec::with_capacity(original.len() + 32);
        for block in 0_u64.. {
            if noise.len() >= original.len() {
                break;
            }
            noise.extend_from_slice(&self.prf("more", &[&seed, &block.to_be_bytes()]));
        }
        noise.truncate(original.len());
        noise
    }

    /// Hexadecimal digits for others, of the same number and case.
    pub(super) fn digits(&self, text: &str) -> String {
        let bytes = hex_bytes(text).unwrap_or_else(|| text.to_ascii_lowercase().into_bytes());
        let mut made = hex(&self.noise(&bytes));
        made.truncate(text.len());
        match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => made.to_ascii_uppercase(),
            false => made,
        }
    }

    /// A text whose names, one by one, are replaced by others of the same length. What stands
    /// between names stays.
    pub fn names(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = match is_of_name(first) {
                true => rest.find(|c| !is_of_name(c)),
                false => rest.find(is_of_name),
            };
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            match is_of_name(first) {
                true => out.push_str(&self.name(piece)),
                false => out.push_str(piece),
            }
            rest = after;
        }
        out
    }

    /// One name: letters, digits, hyphens and underscores.
    pub fn name(&self, name: &str) -> String {
        if self.words.is_kept(name) {
            return name.to_owned();
        }
        // A pseudonym that is a word which stays moves on: so it is that of nobody else.
        let mut made = self.moved(name);
        for _ in 0..MOST_STEPS {
            if !self.words.is_kept(&made) {
                break;
            }
            made = self.moved(&made);
        }
        made
    }

    /// One step of the permutation.
    fn moved(&self, name: &str) -> String {
        let chars: Vec<char> = name.chars().collect();
        let kept = self.kept_parts(&chars);
        let digit =
            |(at, c): (usize, &char)| Some(at).filter(|at| !kept.contains(at)).and(digit(at, *c));
        let mut digits: Vec<Digit> = chars.iter().enumerate().filter_map(digit).collect();
        let short = digits.partition_point(|digit| digit.at < NETBIOS);
        let (head, tail) = digits.split_at_mut(short);
        let before: Vec<u8> = head.iter().flat_map(|digit| digit.value.to_be_bytes()).collect();
        self.permute(head, &[]);
        self.permute(tail, &before);
        let mut made = chars;
        for digit in &digits {
            if let (Some(place), Some(c)) = (made.get_mut(digit.at), digit.char()) {
                *place = c;
            }
        }
        made.into_iter().collect()
    }

    /// Places of a name that tell what a host is for.
    fn kept_parts(&self, chars: &[char]) -> Vec<usize> {
        let mut kept = Vec::new();
        let mut word: Vec<usize> = Vec::new();
        for at in 0..=chars.len() {
            if chars.get(at).is_some_and(|c| c.is_alphabetic()) {
                word.push(at);
                continue;
            }
            let text: String = word.iter().filter_map(|at| chars.get(*at)).collect();
            if self.words.roles.contains(&text.to_lowercase()) {
                kept.append(&mut word);
            }
            word.clear();
        }
        kept
    }

    /// A permutation of all values that these digits can have.
    fn permute(&self, digits: &mut [Digit], tweak: &[u8]) {
        let shape: Vec<u8> = digits.iter().flat_map(|digit| digit.radix.to_be_bytes()).collect();
        let (left, right) = digits.split_at_mut(digits.len() / 2);
        for round in 0..ROUNDS {
            let (from, to) = match round % 2 {
                0 => (&*left, &mut *right),
                _ => (&*right, &mut *left),
            };
            let from: Vec<u8> = from.iter().flat_map(|digit| digit.value.to_be_bytes()).collect();
            let seed = self.prf("name", &[&[round], &shape, tweak, &from]);
            for (index, digit) in (0_u64..).zip(to.iter_mut()) {
                let [a, b, c, d, e, f, g, h, ..] =
                    self.prf("digit", &[&seed, &index.to_be_bytes()]);
                let step = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % u64::from(digit.radix);
                let moved = (u64::from(digit.value) + step) % u64::from(digit.radix);
                digit.value = u32::try_from(moved).unwrap_or_default();
            }
        }
    }
}

/// Whether a character belongs to a name.
pub(super) fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// A character by its alphabet; `None` for one that stays.
fn digit(at: usize, c: char) -> Option<Digit> {
    if let Some(value) = c.to_digit(10) {
        return Some(Digit { at, class: Class::Number, value, radix: 10, upper: false });
    }
    if c.is_ascii_alphabetic() {
        let value = u32::from(c.to_ascii_lowercase()) - u32::from('a');
        return Some(Digit {
            at,
            class: Class::Letter,
            value,
            radix: 26,
            upper: c.is_ascii_uppercase(),
        });
    }
    let lower = one(c.to_lowercase()).filter(|lower| same_room(*lower, c)).unwrap_or(c);
    let class = Class::Foreign(u32::from(lower) & !0xff, lower.len_utf8());
    let letters = alphabet(class);
    let value = letters.iter().position(|letter| *letter == lower)?;
    Some(Digit {
        at,
        class,
        value: u32::try_from(value).ok()?,
        radix: u32::try_from(letters.len()).ok()?,
        upper: lower != c,
    })
}

impl Digit {
    fn char(&self) -> Option<char> {
        let lower = match self.class {
            Class::Number => char::from_digit(self.value, 10)?,
            Class::Letter => char::from_u32(u32::from('a') + self.value)?,
            Class::Foreign(..) => *alphabet(self.class).get(usize::try_from(self.value).ok()?)?,
        };
        let upper = one(lower.to_uppercase()).filter(|upper| same_room(*upper, lower));
        Some(if self.upper { upper.unwrap_or(lower) } else { lower })
    }
}

/// The letters of a script that take the same room and have one upper case or none.
fn alphabet(class: Class) -> Vec<char> {
    let Class::Foreign(from, length) = class else { return Vec::new() };
    let of_class = |c: &char| {
        let round_trip = one(c.to_uppercase())
            .filter(|upper| same_room(*upper, *c))
            .and_then(|upper| one(upper.to_lowercase()));
        !c.is_ascii()
            && c.is_alphabetic()
            && c.len_utf8() == length
            && one(c.to_lowercase()) == Some(*c)
            && round_trip == Some(*c)
    };
    (from..from + 256).filter_map(char::from_u32).filter(of_class).collect()
}

fn one(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

fn same_room(a: char, b: char) -> bool {
    a.len_utf8() == b.len_utf8() && a.len_utf16() == b.len_utf16()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn with(key: u8) -> Pseudonyms {
        Pseudonyms::new(&[key; KEY_LEN], Words::embedded().unwrap())
    }

    #[test]
    fn a_host_is_the_same_with_and_without_its_domain_in_any_case() {
        let made = with(1);
        let full = made.names("srv01.corp.example");
        assert_eq!(full.split('.').next(), Some(made.names("srv01").as_str()));
        assert_eq!(made.names("SRV01").to_lowercase(), made.names("srv01"));
        assert_eq!(made.names("SRV01$"), format!("{}$", made.names("SRV01")));
        assert!(full.ends_with(".example") && !full.contains("srv01") && !full.contains("corp"));
    }

    #[test]
    fn the_netbios_form_of_a_long_name_stays_its_beginning() {
        let made = with(1);
        let long = made.names("production-terminal-07");
        assert_eq!(long.get(..15), Some(made.names("production-term").as_str()));
    }

    #[test]
    fn well_known_names_and_roles_stay() {
        let made = with(1);
        for kept in ["NT AUTHORITY\\SYSTEM", "DWM-3", "TERMSRV", "-", ""] {
            assert_eq!(made.names(kept), kept);
        }
        let gateway = made.names("rdgw17.corp.example");
        assert!(gateway.starts_with("rdgw") && !gateway.contains("corp"), "{gateway}");
    }

    #[test]
    fn all_short_names_become_different_ones() {
        let made = with(3);
        let all: BTreeSet<String> = (0..26 * 26 * 10)
            .map(|n: u32| {
                let letter = |n: u32| char::from_u32(u32::from('a') + n % 26).unwrap();
                made.name(&format!("{}{}{}", letter(n), letter(n / 26), n / 676))
            })
            .collect();
        assert_eq!(all.len(), 26 * 26 * 10);
    }

    proptest! {
        #[test]
        fn names_keep_length_and_shape_under_a_key_and_differ_under_another(
            name in "[A-Za-z0-9äöüßéЖ漢-]{4,20}",
        ) {
            let (one, other) = (with(1), with(2));
            let made = one.names(&name);
            prop_assert_eq!(made.len(), name.len());
            prop_assert_eq!(made.encode_utf16().count(), name.encode_utf16().count());
            for (a, b) in name.chars().zip(made.chars()) {
                prop_assert_eq!(a.is_ascii_digit(), b.is_ascii_digit());
                prop_assert_eq!(a.is_ascii_uppercase(), b.is_ascii_uppercase());
                prop_assert_eq!(a == '-', b == '-');
            }
            prop_assert_eq!(&made, &with(1).names(&name));
            let letters = name.chars().filter(|c| c.is_ascii_alphabetic()).count();
            prop_assert!(letters < 8 || made != other.names(&name));
        }

        #[test]
        fn different_names_have_different_pseudonyms(a in "[a-z0-9]{1,18}", b in "[a-z0-9]{1,18}") {
            let made = with(1);
            prop_assume!(!made.words.is_kept(&a) && !made.words.is_kept(&b));
            prop_assert_eq!(a == b, made.name(&a) == made.name(&b));
        }

        #[test]
        fn any_text_ends(text in "\\PC{0,40}") {
            let made = with(1).names(&text);
            prop_assert_eq!(made.len(), text.len());
        }
    }
}
