use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use anygrad_cpu::CpuError;
use anygrad_device::DeviceError;

/// What can go wrong with tensors. Cheap to clone: a poisoned tensor hands the same error to all that use it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An op was recorded with inputs it does not take.
    #[error("{0}")]
    Op(Arc<OpError>),
    /// A device failed, or refused.
    #[error("{0}")]
    Device(Arc<DeviceError>),
    /// The CPU backend refused.
    #[error("{0}")]
    Cpu(Arc<CpuError>),
    /// Anything else: what was being done, and what is wrong.
    #[error("{what}: {message}")]
    Invalid {
        /// The function or setting.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    /// An error of a function that is not an op.
    pub fn invalid(what: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { what, message: message.into() }
    }
}

impl From<DeviceError> for Error {
    fn from(error: DeviceError) -> Self {
        Self::Device(Arc::new(error))
    }
}

impl From<CpuError> for Error {
    fn from(error: CpuError) -> Self {
        Self::Cpu(Arc::new(error))
    }
}

/// A wrong call of an op, with everything needed to find it.
#[derive(Debug)]
pub struct OpError {
    /// The op's name.
    pub op: &'static str,
    /// What is wrong.
    pub message: String,
    /// The caller's line.
    pub site: &'static Location<'static>,
    /// The layers the call was made in, `model.fc2`, or empty.
    pub scope: String,
    /// For each input: its label, what it is, and where it was recorded.
    pub operands: Vec<(String, String)>,
}

impl OpError {
    /// An error at `site`, in the current layer, of a call without operands.
    pub(crate) fn at(op: &'static str, message: String, site: &'static Location<'static>) -> Error {
        let scope = crate::scope::current().map(|s| s.to_string()).unwrap_or_default();
        Error::Op(Arc::new(Self { op, message, site, scope, operands: Vec::new() }))
    }
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  at {}", self.op, self.message, place(self.site))?;
        if !self.scope.is_empty() {
            write!(f, ", in {}", self.scope)?;
        }
        let width = self.operands.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, what) in &self.operands {
            write!(f, "\n  {label:width$} = {what}")?;
        }
        Ok(())
    }
}

impl std::error::Error for OpError {}

/// `file:line:column`, with forward slashes on every system.
pub(crate) fn place(site: &Location<'_>) -> String {
    format!("{}:{}:{}", site.file().replace('\\', "/"), site.line(), site.column())
}
