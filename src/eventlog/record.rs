use crate::base::HostTime;
use std::sync::Arc;

/// One event record, whatever file it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    pub provider: String,
    pub id: u16,
    /// `TimeCreated/@SystemTime`; UTC by the host's clock.
    pub time: HostTime,
    /// `EventRecordID`.
    pub record_id: u64,
    pub channel: Arc<str>,
    /// `Computer`: the host that logged it, also in forwarded logs.
    pub host: Arc<str>,
    /// `Correlation/@ActivityID`, lower case in braces.
    pub activity: Option<Arc<str>>,
    /// `Execution/@ProcessID`.
    pub process_id: Option<u32>,
    /// Named values of EventData or UserData, in their order; unnamed `Data` is
    /// called `Data[0]`, `Data[1]`, …
    pub fields: Vec<(Arc<str>, String)>,
}
