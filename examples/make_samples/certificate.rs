//! X.509 certificates in DER, RFC 5280. The signature is noise: nobody who triages
//! a capture has the key to check it.

use super::Noise;

/// What varies between the certificates of the samples.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) subject: &'static str,
    pub(crate) issuer: &'static str,
    /// UTCTime, `YYMMDDhhmmssZ`.
    pub(crate) not_before: &'static str,
    pub(crate) not_after: &'static str,
    pub(crate) names: Vec<&'static str>,
    pub(crate) bits: usize,
    pub(crate) sha1: bool,
    /// Extended key usage: server authentication, or else client authentication.
    pub(crate) for_servers: bool,
}

impl Certificate {
    /// A certificate as Remote Desktop makes its own: self-signed, for half a year.
    pub(crate) fn self_signed(
        name: &'static str,
        not_before: &'static str,
        not_after: &'static str,
    ) -> Self {
        Self {
            subject: name,
            issuer: name,
            not_before,
            not_after,
            names: vec![name],
            bits: 2048,
            sha1: false,
            for_servers: true,
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let mut noise = Noise::new(self.subject.len() as u64 * 7919 + self.bits as u64);
        let algorithm = self.signature_algorithm();
        let body = sequence(&[
            tagged(0xa0, &integer(&[2])),
            integer(&[vec![0x5a], noise.bytes(15)].concat()),
            algorithm.clone(),
            name(self.issuer),
            sequence(&[
                tagged(0x17, self.not_before.as_bytes()),
                tagged(0x17, self.not_after.as_bytes()),
            ]),
            name(self.subject),
            self.public_key(&mut noise),
            tagged(0xa3, &sequence(&[self.extended_key_usage(), self.alternative_names()])),
        ]);
        let mut signature = vec![0];
        signature.extend(noise.bytes(self.bits / 8));
        sequence(&[body, algorithm, tagged(0x03, &signature)])
    }

    fn signature_algorithm(&self) -> Vec<u8> {
        // sha1WithRSAEncryption or sha256WithRSAEncryption
        let last = if self.sha1 { 5 } else { 11 };
        sequence(&[oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last]), vec![5, 0]])
    }

    fn public_key(&self, noise: &mut Noise) -> Vec<u8> {
        let mut modulus = noise.bytes(self.bits / 8);
        modulus[0] |= 0x80;
        modulus[self.bits / 8 - 1] |= 1;
        let modulus = [vec![0], modulus].concat();
        let key = sequence(&[integer(&modulus), integer(&[1, 0, 1])]);
        let rsa = sequence(&[oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), vec![5, 0]]);
        sequence(&[rsa, tagged(0x03, &[vec![0], key].concat())])
    }

    fn extended_key_usage(&self) -> Vec<u8> {
        let purpose = if self.for_servers { 1 } else { 2 };
        let usage = sequence(&[oid(&[0x2b, 6, 1, 5, 5, 7, 3, purpose])]);
        sequence(&[oid(&[0x55, 0x1d, 0x25]), tagged(0x04, &usage)])
    }

    fn alternative_names(&self) -> Vec<u8> {
        let names: Vec<Vec<u8>> =
            self.names.iter().map(|name| tagged(0x82, name.as_bytes())).collect();
        sequence(&[oid(&[0x55, 0x1d, 0x11]), tagged(0x04, &sequence(&names))])
    }
}

fn tagged(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match body.len() {
        short @ 0..=0x7f => out.push(u8::try_from(short).expect("below 128")),
        medium @ 0x80..=0xff => {
            out.extend_from_slice(&[0x81, u8::try_from(medium).expect("below 256")])
        }
        long => {
            out.push(0x82);
            out.extend_from_slice(&u16::try_from(long).expect("below 64 KiB").to_be_bytes());
        }
    }
    out.extend_from_slice(body);
    out
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    tagged(0x02, bytes)
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    tagged(0x06, bytes)
}

fn name(common: &str) -> Vec<u8> {
    let attribute = sequence(&[oid(&[0x55, 4, 3]), tagged(0x0c, common.as_bytes())]);
    sequence(&[tagged(0x31, &attribute)])
}
