//! File + environment + flags → one configuration. Gathers each module's own `Config`; nothing below imports it.
