//! An issuer of identity tokens, as Google is one: RSA keys, tokens signed with them, and an endpoint that tells the public halves.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use aws_lc_rs::signature::RSA_PKCS1_SHA512;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

use crate::peers::WebhookReceiver;

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: &'static str,
    pair: KeyPair,
}

impl Key {
    pub(super) fn new(id: &'static str) -> Self {
        Self { id, pair: KeyPair::generate(KeySize::Rsa2048).unwrap() }
    }

    /// A token of it, with the usual header.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "kid": self.id, "typ": "JWT"}), claims)
    }

    /// A token under any header.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encoding = if header["alg"] == "RS512" { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
        let said = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(encoding, &SystemRandom::new(), said.as_bytes(), &mut signature).unwrap();
        format!("{said}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// The old trick: everybody has the public key, and takes it for a secret.
    pub(super) fn sign_with_the_public_half(&self, claims: &Value) -> String {
        let said = unsigned(&json!({"alg": "HS256", "kid": self.id}), claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.pair.public_key().as_ref());
        format!("{said}.{}", BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, said.as_bytes())))
    }

    fn public(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let half = self.pair.public_key();
        let (n, e) = (
            encode(half.modulus().big_endian_without_leading_zero()),
            encode(half.exponent().big_endian_without_leading_zero()),
        );
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": n, "e": e})
    }
}

/// Header and claims, ready to be signed.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// Where the public halves are asked for.
#[derive(Debug)]
pub(super) struct Issuer {
    endpoint: WebhookReceiver,
}

impl Issuer {
    pub(super) fn of(keys: &[&Key]) -> Self {
        let issuer = Self { endpoint: WebhookReceiver::start() };
        issuer.tell(keys);
        issuer
    }

    /// Tells these from now on.
    pub(super) fn tell(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.fail(200, &json!({"keys": keys}).to_string());
    }

    /// Answers so from now on.
    pub(super) fn fail(&self, status: u16, body: &str) {
        self.endpoint.answer_with(status, body);
    }

    pub(super) fn url(&self) -> String {
        self.endpoint.url("/certs")
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.endpoint.received().len()
    }
}
