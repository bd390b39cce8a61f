//! Request lines (`127.0.0.1:80 - "GET /x HTTP/1.1" 200`) → `http.*` attributes under their OpenTelemetry names.

use crate::model::record::Attributes;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

/// Adds what the first line of `body` says about a request, if it is a request line.
pub(super) fn fields(body: &str, attributes: &mut Attributes) {
    if memchr::memchr(b'"', body.as_bytes()).is_none() {
        return;
    }
    let line = body.lines().next().unwrap_or_default();
    let Some((before, quoted)) = line.split_once('"') else { return };
    let Some((request, after)) = quoted.split_once('"') else { return };
    let mut words = request.split(' ');
    let (Some(method), Some(target), Some(protocol)) = (words.next(), words.next(), words.next()) else { return };
    if !METHODS.contains(&method) || !protocol.starts_with("HTTP/") {
        return;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let peer = before.split([' ', ',']).next().unwrap_or_default();
    let address =
        peer.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(peer, |(address, _)| address);
    let status = after.trim_start().split(' ').next().unwrap_or_default();
    let status = if status.len() == 3 && status.parse::<u16>().is_ok() { status } else { "" };
    for (key, value) in [
        ("client.address", address),
        ("http.request.method", method),
        ("url.path", path),
        ("url.query", query),
        ("http.response.status_code", status),
    ] {
        if !value.is_empty() && attributes.get(key).is_none() {
            attributes.push(key, value);
        }
    }
}
