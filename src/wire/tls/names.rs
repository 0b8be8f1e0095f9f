//! Names of what hellos list, as the IANA registry of TLS parameters spells them;
//! unknown numbers in hex.

use super::super::decode::named;
use std::borrow::Cow;

/// An extension type, "TLS ExtensionType Values".
pub fn extension_name(kind: u16) -> Cow<'static, str> {
    named(
        kind.into(),
        &[
            (0, "server_name"),
            (1, "max_fragment_length"),
            (5, "status_request"),
            (10, "supported_groups"),
            (11, "ec_point_formats"),
            (13, "signature_algorithms"),
            (14, "use_srtp"),
            (15, "heartbeat"),
            (16, "application_layer_protocol_negotiation"),
            (17, "status_request_v2"),
            (18, "signed_certificate_timestamp"),
            (21, "padding"),
            (22, "encrypt_then_mac"),
            (23, "extended_master_secret"),
            (24, "token_binding"),
            (27, "compress_certificate"),
            (28, "record_size_limit"),
            (34, "delegated_credential"),
            (35, "session_ticket"),
            (41, "pre_shared_key"),
            (42, "early_data"),
            (43, "supported_versions"),
            (44, "cookie"),
            (45, "psk_key_exchange_modes"),
            (47, "certificate_authorities"),
            (48, "oid_filters"),
            (49, "post_handshake_auth"),
            (50, "signature_algorithms_cert"),
            (51, "key_share"),
            (57, "quic_transport_parameters"),
            (0xfe0d, "encrypted_client_hello"),
            (0xff01, "renegotiation_info"),
        ],
    )
}

/// A group for the key exchange, "TLS Supported Groups".
pub fn group_name(group: u16) -> Cow<'static, str> {
    named(
        group.into(),
        &[
            (19, "secp192r1"),
            (21, "secp224r1"),
            (22, "secp256k1"),
            (23, "secp256r1"),
            (24, "secp384r1"),
            (25, "secp521r1"),
            (26, "brainpoolP256r1"),
            (27, "brainpoolP384r1"),
            (28, "brainpoolP512r1"),
            (29, "x25519"),
            (30, "x448"),
            (256, "ffdhe2048"),
            (257, "ffdhe3072"),
            (258, "ffdhe4096"),
            (259, "ffdhe6144"),
            (260, "ffdhe8192"),
            (4587, "SecP256r1MLKEM768"),
            (4588, "X25519MLKEM768"),
            (4589, "SecP384r1MLKEM1024"),
        ],
    )
}

/// A signature scheme, "TLS SignatureScheme"; pairs of TLS 1.2 that TLS 1.3 does not name
/// are spelt alike.
pub fn signature_scheme_name(scheme: u16) -> Cow<'static, str> {
    named(
        scheme.into(),
        &[
            (0x0101, "rsa_pkcs1_md5"),
            (0x0201, "rsa_pkcs1_sha1"),
            (0x0202, "dsa_sha1"),
            (0x0203, "ecdsa_sha1"),
            (0x0301, "rsa_pkcs1_sha224"),
            (0x0302, "dsa_sha224"),
            (0x0303, "ecdsa_sha224"),
            (0x0401, "rsa_pkcs1_sha256"),
            (0x0402, "dsa_sha256"),
            (0x0403, "ecdsa_secp256r1_sha256"),
            (0x0501, "rsa_pkcs1_sha384"),
            (0x0502, "dsa_sha384"),
            (0x0503, "ecdsa_secp384r1_sha384"),
            (0x0601, "rsa_pkcs1_sha512"),
            (0x0602, "dsa_sha512"),
            (0x0603, "ecdsa_secp521r1_sha512"),
            (0x0804, "rsa_pss_rsae_sha256"),
            (0x0805, "rsa_pss_rsae_sha384"),
            (0x0806, "rsa_pss_rsae_sha512"),
            (0x0807, "ed25519"),
            (0x0808, "ed448"),
            (0x0809, "rsa_pss_pss_sha256"),
            (0x080a, "rsa_pss_pss_sha384"),
            (0x080b, "rsa_pss_pss_sha512"),
            (0x0904, "mldsa44"),
            (0x0905, "mldsa65"),
            (0x0906, "mldsa87"),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_name_stay_numbers() {
        assert_eq!(extension_name(43), "supported_versions");
        assert_eq!(extension_name(0x1234), "0x1234");
        assert_eq!(group_name(29), "x25519");
        assert_eq!(signature_scheme_name(0x0804), "rsa_pss_rsae_sha256");
    }
}
