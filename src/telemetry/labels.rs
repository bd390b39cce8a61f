//! The fixed label values of relapse's metrics, as types: a value that is not listed here cannot be exported.

/// Declares an enum whose variants are the values of one label.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident => $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$what])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The label value.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }
    };
}

label! {
    /// Where bytes come from (`source_kind`).
    SourceKind {
        /// A followed file.
        File => "file",
        /// Standard input.
        Stdin => "stdin",
        /// OTLP over gRPC and HTTP.
        Otlp => "otlp",
        /// A Pub/Sub subscription.
        Pubsub => "pubsub",
        /// systemd's journal.
        Journald => "journald",
        /// A syslog listener.
        Syslog => "syslog",
    }
}

label! {
    /// What became of bytes (`outcome` of `relapse_source_bytes_total`); all outcomes add up to all bytes judged.
    ByteOutcome {
        /// Searched for every signature.
        Matched => "matched",
        /// Beyond the bound of a line: counted, not searched.
        SkippedOverlong => "skipped_overlong",
    }
}

label! {
    /// What an OTLP request holds (`signal` of `relapse_otlp_requests_total`).
    OtlpSignal {
        /// Log records.
        Logs => "logs",
        /// Spans.
        Traces => "traces",
    }
}

label! {
    /// What became of a request (`outcome` of `relapse_otlp_requests_total` and `relapse_pubsub_pushes_total`).
    RequestOutcome {
        /// Judged and stored.
        Taken => "taken",
        /// The same, but for records too long to be read.
        Partial => "partial",
        /// Refused: it cannot be read, or nothing is taken there.
        Malformed => "malformed",
        /// Refused: too big, on the wire or decompressed.
        TooLarge => "too_large",
        /// Refused: it did not come in time.
        TooSlow => "too_slow",
        /// Refused: no token, or from a web page.
        Unauthorized => "unauthorized",
        /// Refused for now: full, or not stored. The sender comes again.
        Unavailable => "unavailable",
    }
}

label! {
    /// Why a record was odd (`reason` of `relapse_records_odd_total`). It was matched all the same.
    OddReason {
        /// Not UTF-8: matched lossily.
        InvalidUtf8 => "invalid_utf8",
        /// A line beyond the bound: its beginning was matched.
        Overlong => "overlong",
        /// A JSON line that does not parse: read as text.
        BrokenJson => "broken_json",
        /// A record beyond its bound of lines or bytes: judged in parts.
        Cut => "cut",
        /// Rows of several tracebacks mixed up: matched without exceptions.
        Ambiguous => "ambiguous",
        /// A time that could not be read: the time of reading was taken.
        UnreadTime => "unread_time",
        /// An event time in the future: capped to the time of reading.
        ClockSkew => "clock_skew",
        /// No event time: the time of reading was taken.
        NoTime => "no_time",
    }
}

label! {
    /// How an attempt to deliver ended (`outcome` of `relapse_sink_deliveries_total`).
    DeliveryOutcome {
        /// The sink accepted.
        Delivered => "delivered",
        /// It did not; tried again later.
        Retried => "retried",
        /// It refused for good: a dead letter.
        Dead => "dead",
    }
}

label! {
    /// Why something was not shown as such (`reason` of `relapse_suppressed_total`).
    SuppressReason {
        /// More tracks or releases than there are series for.
        LabelLimit => "label_limit",
        /// The track is muted, or its news is acknowledged.
        Muted => "muted",
        /// A part of a correlation while too many of its windows are open.
        WindowLimit => "window_limit",
    }
}

label! {
    /// What a declared deployment was (`outcome` of `relapse_deploys_total`).
    DeployOutcome {
        /// News.
        Declared => "declared",
        /// Known already.
        Unchanged => "unchanged",
        /// A line of the deploy file that is no deployment.
        Invalid => "invalid",
    }
}
