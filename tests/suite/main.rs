//! Everything that is not a test of a private thing: one binary, one folder.

#[cfg(test)]
mod alert;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod dashboards;
#[cfg(test)]
mod decode;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod http;
#[cfg(test)]
mod incident;
#[cfg(test)]
mod matcher;
#[cfg(test)]
mod otlp;
#[cfg(test)]
mod peers;
#[cfg(test)]
#[cfg(feature = "gcp")]
mod push;
#[cfg(test)]
mod python;
#[cfg(test)]
mod run;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod source;
#[cfg(test)]
mod store;
#[cfg(test)]
mod telemetry;
