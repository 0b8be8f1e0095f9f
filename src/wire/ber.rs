//! Tags and lengths of ASN.1: BER with definite lengths (ITU-T X.690 8.1) for MCS,
//! CredSSP, SPNEGO and Kerberos, and the length determinant of aligned PER (X.691
//! 10.9) for MCS and GCC.

use super::DecodeError;
use super::decode::Fields;

/// Universal tags that are read, with their constructed bit.
pub(super) mod tag {
    pub(in crate::wire) const BOOLEAN: u16 = 0x01;
    pub(in crate::wire) const INTEGER: u16 = 0x02;
    pub(in crate::wire) const OCTET_STRING: u16 = 0x04;
    pub(in crate::wire) const OID: u16 = 0x06;
    pub(in crate::wire) const ENUMERATED: u16 = 0x0a;
    pub(in crate::wire) const SEQUENCE: u16 = 0x30;

    /// Context-specific and constructed, `[number]`.
    pub(in crate::wire) const fn context(number: u8) -> u16 {
        // Lossless widening; `From` is not const.
        0xa0 | number as u16
    }

    /// Application class and constructed, `[APPLICATION number]`.
    pub(in crate::wire) const fn application(number: u8) -> u16 {
        0x60 | number as u16
    }
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// One identifier octet, or two for tags that need them (`0x7f65`).
    pub(super) tag: u16,
    /// What is there of the contents; shorter than announced in a cut PDU.
    pub(super) value: &'a [u8],
}

/// Reads identifier and length; the length may reach beyond the end.
pub(super) fn header(
    fields: &mut Fields<'_>,
    field: &'static str,
) -> Result<(u16, usize), DecodeError> {
    let mut tag = u16::from(fields.u8(field)?);
    if tag & 0x1f == 0x1f {
        let number = fields.u8(field)?;
        if number & 0x80 != 0 {
            return Err(fields.unexpected(field, number, "a tag of at most two octets"));
        }
        tag = tag << 8 | u16::from(number);
    }
    Ok((tag, length(fields, field)?))
}

/// X.690 8.1.3, definite form of at most four octets.
fn length(fields: &mut Fields<'_>, field: &'static str) -> Result<usize, DecodeError> {
    let first = fields.u8(field)?;
    if first < 0x80 {
        return Ok(usize::from(first));
    }
    let octets = first & 0x7f;
    if octets == 0 || octets > 4 {
        return Err(fields.unexpected(field, octets, "a definite length of 1 to 4 octets"));
    }
    let bytes = fields.bytes(usize::from(octets), field)?;
    Ok(bytes.iter().fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte)))
}

/// Reads one element with what is there of its contents.
pub(super) fn element<'a>(
    fields: &mut Fields<'a>,
    field: &'static str,
) -> Result<Element<'a>, DecodeError> {
    let (tag, length) = header(fields, field)?;
    Ok(Element { tag, value: fields.bytes_or_rest(length) })
}

/// Reads one element that must have this tag.
pub(super) fn expect<'a>(
    fields: &mut Fields<'a>,
    tag: u16,
    field: &'static str,
) -> Result<&'a [u8], DecodeError> {
    let found = element(fields, field)?;
    if found.tag == tag {
        Ok(found.value)
    } else {
        Err(fields.unexpected(field, format!("tag 0x{:x}", found.tag), "another ASN.1 tag"))
    }
}

/// The elements of a SEQUENCE's contents, up to the first that cannot be read.
pub(super) fn elements(contents: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let mut fields = Fields::of("ASN.1", contents);
    std::iter::from_fn(move || element(&mut fields, "element").ok())
}

/// The contents of the first element with this tag.
pub(super) fn find(contents: &[u8], tag: u16) -> Option<&[u8]> {
    elements(contents).find(|element| element.tag == tag).map(|element| element.value)
}

/// The contents of the element `inner` inside the element `outer`: how explicit
/// tagging wraps every field.
pub(super) fn find_in(contents: &[u8], outer: u16, inner: u16) -> Option<&[u8]> {
    find(find(contents, outer)?, inner)
}

/// The contents of an INTEGER or ENUMERATED as 32 bits in two's complement, so that
/// an NTSTATUS reads the same whether it was written as negative or with a leading
/// zero. `None` when it is empty or larger.
pub(super) fn u32_of(contents: &[u8]) -> Option<u32> {
    let (first, contents) = match contents {
        [0, rest @ ..] if rest.len() == 4 => (0, rest),
        [first, ..] if contents.len() <= 4 => (*first, contents),
        _ => return None,
    };
    let start = if first & 0x80 == 0 { 0 } else { u32::MAX };
    Some(contents.iter().fold(start, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// A length determinant of aligned PER, up to 16383.
pub(super) fn per_length(
    fields: &mut Fields<'_>,
    field: &'static str,
) -> Result<usize, DecodeError> {
    let first = fields.u8(field)?;
    match first {
        0..0x80 => Ok(usize::from(first)),
        0x80..0xc0 => {
            let low = fields.u8(field)?;
            Ok(usize::from(first & 0x3f) << 8 | usize::from(low))
        }
        _ => Err(fields.unexpected(field, first, "a length that is not fragmented")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Fields<'_> {
        Fields::of("test", bytes)
    }

    #[test]
    fn tags_of_two_octets_and_long_lengths_are_read() {
        let header = header(&mut fields(&[0x7f, 0x65, 0x82, 0x01, 0xc2]), "x").unwrap();
        assert_eq!(header, (0x7f65, 0x1c2));
    }

    #[test]
    fn indefinite_and_huge_lengths_are_refused() {
        assert!(header(&mut fields(&[0x30, 0x80, 1]), "x").is_err());
        assert!(header(&mut fields(&[0x30, 0x85, 1, 1, 1, 1, 1]), "x").is_err());
        assert!(header(&mut fields(&[0x1f, 0x81, 1, 1]), "x").is_err());
    }

    #[test]
    fn a_cut_element_gives_what_is_there() {
        let found = element(&mut fields(&[4, 5, 1, 2]), "x").unwrap();
        assert_eq!(found, Element { tag: tag::OCTET_STRING, value: &[1, 2] });
    }

    #[test]
    fn negative_and_padded_numbers_are_the_same_status() {
        assert_eq!(u32_of(&[0xc0, 0, 0, 0x6e]), Some(0xc000_006e));
        assert_eq!(u32_of(&[0, 0xc0, 0, 0, 0x6e]), Some(0xc000_006e));
        assert_eq!(u32_of(&[6]), Some(6));
        assert_eq!(u32_of(&[0xff]), Some(u32::MAX));
        assert_eq!(u32_of(&[]), None);
        assert_eq!(u32_of(&[1, 0, 0, 0, 0]), None);
    }

    #[test]
    fn lengths_of_per_have_one_or_two_octets() {
        assert_eq!(per_length(&mut fields(&[0x2a]), "x"), Ok(0x2a));
        assert_eq!(per_length(&mut fields(&[0x81, 0x48]), "x"), Ok(0x148));
        assert!(per_length(&mut fields(&[0xc1, 0]), "x").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0u8.., 0..64)) {
            let _ = (elements(&bytes).count(), u32_of(&bytes));
            let _ = per_length(&mut fields(&bytes), "x");
        }
    }
}
