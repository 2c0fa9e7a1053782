//! Addresses of object stores: `s3://bucket/prefix?endpoint=…&region=…&path-style=…`
//! (spec 07 §2).

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

/// Why an address is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Another form.
    #[error("s3 url must be of the form s3://bucket/path")]
    Form,
    /// Credentials would be stored with the remote.
    #[error(
        "s3 urls must not embed credentials: they would be stored in plaintext with the remote. \
         Use the standard AWS credential chain instead"
    )]
    Credentials,
    /// A parameter twice, or without a value.
    #[error("s3 url parameter {0:?} needs exactly one non-empty value")]
    Value(String),
    /// A parameter that nobody knows.
    #[error(
        "unknown s3 url parameter {0:?}; supported parameters are \"endpoint\", \"region\" and \
         \"path-style\""
    )]
    Parameter(String),
    /// A truth value that is none.
    #[error("s3 url parameter \"path-style\" must be true or false, got {0:?}")]
    PathStyle(String),
    /// The client cannot be made.
    #[error("{0}")]
    Client(String),
}

/// A bucket, a prefix in it, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// What the names of all objects begin with; empty for the bucket's root.
    pub prefix: String,
    /// Where the service is, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Whether the bucket is part of the path rather than of the host's name.
    pub path_style: Option<bool>,
}

impl Place {
    /// Reads an address.
    pub fn parse(url: &str) -> Result<Place, PlaceError> {
        let rest = url.split_once("://").ok_or(PlaceError::Form)?.1;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err(PlaceError::Credentials);
        }
        if bucket.is_empty() {
            return Err(PlaceError::Form);
        }
        let parts = prefix.split('/').filter(|p| !matches!(*p, "" | "."));
        let mut place = Place {
            bucket: bucket.to_owned(),
            prefix: parts.collect::<Vec<_>>().join("/"),
            ..Place::default()
        };
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decoded(value);
            let twice = match name {
                "endpoint" => place.endpoint.replace(value.clone()).is_some(),
                "region" => place.region.replace(value.clone()).is_some(),
                "path-style" => {
                    let flag = match value.as_str() {
                        "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
                        "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
                        "" => return Err(PlaceError::Value(name.to_owned())),
                        _ => return Err(PlaceError::PathStyle(value)),
                    };
                    place.path_style.replace(flag).is_some()
                }
                _ => return Err(PlaceError::Parameter(name.to_owned())),
            };
            if twice || value.is_empty() {
                return Err(PlaceError::Value(name.to_owned()));
            }
        }
        Ok(place)
    }

    /// A client, with what the address leaves open from the environment: credentials from
    /// `AWS_ACCESS_KEY_ID` and its companions or the machine's role, the region, the endpoint.
    pub fn connect(&self) -> Result<(Arc<dyn ObjectStore>, Path), PlaceError> {
        let from_environment = |names: &[&str]| {
            let set = names.iter().filter_map(|n| std::env::var(n).ok());
            set.into_iter().find(|v| !v.is_empty())
        };
        let endpoint = self
            .endpoint
            .clone()
            .or_else(|| from_environment(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
        let region = self
            .region
            .clone()
            .or_else(|| from_environment(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(100),
                    max_backoff: Duration::from_secs(5),
                    base: 2.0,
                },
                max_retries: 8,
                retry_timeout: Duration::from_secs(60),
            })
            .with_client_options(
                ClientOptions::new()
                    .with_connect_timeout(Duration::from_secs(5))
                    .with_timeout(Duration::from_secs(60))
                    .with_allow_http(true),
            );
        match region {
            Some(region) => builder = builder.with_region(region),
            None if endpoint.is_some() => builder = builder.with_region("us-east-1"),
            None => {
                let text = "A region must be set when sending requests to S3.";
                return Err(PlaceError::Client(text.to_owned()));
            }
        }
        // Other services than Amazon's seldom answer to a bucket's own host name.
        let virtual_host = match self.path_style {
            Some(path_style) => !path_style,
            None => endpoint.is_none() && !self.bucket.contains('.'),
        };
        builder = builder.with_virtual_hosted_style_request(virtual_host);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(match virtual_host {
                true => with_host(&endpoint, &self.bucket),
                false => endpoint,
            });
        }
        let client = builder.build();
        let client = client.map_err(|e| PlaceError::Client(e.to_string()))?;
        Ok((Arc::new(client), Path::from(self.prefix.as_str())))
    }
}

/// The address of a bucket that is part of its service's host name.
fn with_host(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{bucket}.{host}"),
        None => format!("https://{bucket}.{endpoint}"),
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3);
        let code = code.and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) if byte == b'%' => {
                out.push(code);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let place = Place::parse(
            "s3://bucket//a/./b/?endpoint=http%3A%2F%2F127.0.0.1:9000&region=r&path-style=T",
        );
        let expected = Place {
            bucket: "bucket".into(),
            prefix: "a/b".into(),
            endpoint: Some("http://127.0.0.1:9000".into()),
            region: Some("r".into()),
            path_style: Some(true),
        };
        assert_eq!(place, Ok(expected));
        assert_eq!(Place::parse("s3://b").unwrap().prefix, "");
        for (url, text) in [
            ("s3:///a", "s3 url must be of the form s3://bucket/path"),
            (
                "s3://b/p?region=",
                "s3 url parameter \"region\" needs exactly one non-empty value",
            ),
            (
                "s3://b/p?region=a&region=b",
                "s3 url parameter \"region\" needs exactly one non-empty value",
            ),
            (
                "s3://b/p?zone=a",
                "unknown s3 url parameter \"zone\"; supported parameters are \"endpoint\", \
                 \"region\" and \"path-style\"",
            ),
            (
                "s3://b/p?path-style=yes",
                "s3 url parameter \"path-style\" must be true or false, got \"yes\"",
            ),
        ] {
            assert_eq!(Place::parse(url).unwrap_err().to_string(), text);
        }
        assert_eq!(
            Place::parse("s3://key:secret@b/p"),
            Err(PlaceError::Credentials)
        );
    }
}
