use std::fmt;
use std::str::FromStr;

use chunks::{Hash, ParseHashError};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Hash);

        impl $name {
            /// The hash.
            pub fn hash(self) -> Hash {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseHashError;
            fn from_str(text: &str) -> Result<$name, ParseHashError> {
                text.parse().map($name)
            }
        }

        impl From<Hash> for $name {
            fn from(hash: Hash) -> $name {
                $name(hash)
            }
        }
    )*};
}

ids! {
    /// Address of a commit.
    CommitId;
    /// Address of a root value: the tables of a commit or working set.
    RootId;
}
