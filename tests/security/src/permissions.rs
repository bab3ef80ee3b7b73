//! Who may do what, route by route. A route that is not in the table fails the test by its name.

use crate::routes::Methods;
use std::collections::BTreeMap;

/// Path, who may GET it, who may POST to it; `-` where there is no such handler.
///
/// * `everybody`: no session is asked for. That is said with a reason in [`OPEN_POSTS`] where something is changed.
/// * `machine`: whoever signs; people are refused, whoever they are.
/// * `applicant`: any applicant of the site, about himself.
/// * `owner`: the applicant whose thing it is. To all others it is not there.
/// * `clerk`: any clerk of the site.
/// * `reviewer`, `maker`, `shipper`, `finance`, `administrator`: the role, and administrators.
/// * `queue`: the role that the path names, and administrators.
/// * `shown`: the clerks whose pages lead there, as the case's transition has it.
/// * `holder`: who holds the case or the certificate. When others ask, nothing happens.
const TABLE: &str = "
/                                                     everybody     -
/assets/{file}                                        everybody     -
/brand/{file}                                         everybody     -
/healthz                                              everybody     -
/readyz                                               everybody     -
/services                                             everybody     -
/services/{plugin}/{service}                          everybody     applicant
/services/{plugin}/{service}/new                      applicant     applicant
/help                                                 everybody     -
/pages/{slug}                                         everybody     -
/notices                                              everybody     -
/notices/{id}                                         everybody     -
/downloads                                            everybody     -
/downloads/{id}                                       everybody     -
/crl                                                  everybody     -
/issuers.pem                                          everybody     -
/p/{token}                                            everybody     everybody
/p/{token}/events                                     everybody     -
/notify/face/{site}                                   -             machine
/notify/{gateway}/{site}                              -             machine
/register                                             everybody     everybody
/register/code                                        -             everybody
/login                                                everybody     everybody
/login/code                                           -             everybody
/logout                                               -             everybody
/recover                                              everybody     everybody
/recover/code                                         -             everybody
/picture-code                                         -             everybody
/profile                                              applicant     -
/profile/edit                                         applicant     applicant
/profile/edit/code                                    -             applicant
/profile/password                                     applicant     applicant
/profile/sessions                                     applicant     applicant
/certificates                                         applicant     -
/certificates/bind                                    applicant     applicant
/certificates/{serial}                                owner         -
/certificates/{serial}/file                           owner         -
/certificates/{serial}/unbind                         -             holder
/cases                                                applicant     -
/cases/{id}                                           owner         -
/cases/{id}/events                                    owner         -
/cases/{id}/steps/{step}                              owner         owner
/cases/{id}/materials/{material}/{place}              -             owner
/cases/{id}/materials/{material}/{place}/remove       -             owner
/cases/{id}/files/{file}                              owner         -
/cases/{id}/files/{file}/thumbnail                    owner         -
/cases/{id}/certificates/{serial}                     owner         -
/cases/{id}/papers/{document}                         owner         -
/cases/{id}/papers/{document}/pdf                     owner         -
/cases/{id}/actions/{transition}                      owner         owner
/cases/{id}/delete                                    owner         owner
/cases/{id}/pay                                       owner         -
/orders                                               applicant     -
/orders/new                                           applicant     -
/orders/new/details                                   applicant     applicant
/orders/{id}                                          owner         -
/orders/{id}/events                                   owner         -
/orders/{id}/edit                                     owner         -
/orders/{id}/edit/details                             owner         owner
/orders/{id}/cancel                                   owner         owner
/orders/{id}/pay                                      owner         owner
/orders/{id}/pay/check                                -             owner
/orders/{id}/slip                                     owner         owner
/orders/{id}/slip/thumbnail                           owner         -
/orders/{id}/receipts/{document}                      owner         -
/orders/{id}/invoices/{invoice}                       owner         -
/console/login                                        everybody     everybody
/console/logout                                       -             everybody
/console                                              clerk         -
/console/password                                     clerk         clerk
/console/queues/{role}                                queue         -
/console/queues/{role}/next                           -             queue
/console/search                                       clerk         -
/console/cases/{id}                                   clerk         -
/console/cases/{id}/events                            clerk         -
/console/cases/{id}/claim                             -             shown
/console/cases/{id}/release                           -             holder
/console/cases/{id}/actions/{transition}              shown         shown
/console/cases/{id}/judge                             -             shown
/console/cases/{id}/history                           administrator -
/console/cases/{id}/files/{file}                      clerk         -
/console/cases/{id}/files/{file}/thumbnail            clerk         -
/console/cases/{id}/files/{file}/original             clerk         -
/console/cases/{id}/papers/{document}/pdf             clerk         -
/console/cases/{id}/certificates/{serial}             clerk         -
/console/certificates                                 clerk         -
/console/certificates/{serial}                        clerk         -
/console/certificates/{serial}/file                   clerk         -
/console/certificates/{serial}/{turn}                 administrator administrator
/console/letters                                      clerk         -
/console/letters/{id}/resend                          -             clerk
/console/orders                                       finance       -
/console/orders/{id}                                  finance       -
/console/orders/{id}/transfer                         -             finance
/console/orders/{id}/refuse-slip                      -             finance
/console/orders/{id}/cancel                           finance       finance
/console/orders/{id}/slips/{file}                     finance       -
/console/orders/{id}/slips/{file}/original            finance       -
/console/orders/{id}/invoice                          finance       finance
/console/payments                                     finance       -
/console/payments/{id}/give-back                      finance       finance
/console/payments/{id}/assign                         finance       finance
/console/refunds                                      finance       -
/console/refunds/{id}/retry                           -             finance
/console/refunds/{id}/finish                          -             finance
/console/invoices                                     finance       -
/console/invoices/{id}/file                           finance       -
/console/invoices/{id}/retry                          -             finance
/console/invoices/{id}/void                           finance       finance
/console/statements                                   finance       finance
/console/statements/sample.csv                        finance       -
/console/statements/{id}                              finance       -
/console/statements/{id}/confirm-all                  finance       finance
/console/statements/{id}/lines/{line}/confirm         -             finance
/console/statements/{id}/lines/{line}/order           finance       -
/console/statements/{id}/lines/{line}/ignore          finance       finance
/console/statements/{id}/lines/{line}/restore         -             finance
/console/reconciliation                               finance       finance
/console/reconciliation/{id}                          finance       -
/console/reconciliation/differences/{id}/settle       -             finance
/console/reconciliation/differences/{id}/reopen       -             finance
/console/ledger                                       finance       -
/console/ledger/postings.csv                          finance       -
/console/accounts                                     administrator -
/console/accounts/{id}                                administrator -
/console/accounts/{id}/edit                           administrator administrator
/console/accounts/{id}/state                          -             administrator
/console/staff                                        administrator -
/console/staff/new                                    administrator administrator
/console/staff/{id}                                   administrator administrator
/console/staff/{id}/password                          -             administrator
/console/plugins                                      administrator -
/console/jobs                                         administrator -
/console/jobs/{id}/revive                             -             administrator
/console/content                                      administrator -
/console/content/pages                                administrator -
/console/content/new-page                             administrator administrator
/console/content/pages/{slug}                         administrator administrator
/console/content/pages/{slug}/versions                administrator -
/console/content/pages/{slug}/restore                 -             administrator
/console/content/notices                              administrator -
/console/content/new-notice                           administrator administrator
/console/content/notices/{id}                         administrator administrator
/console/content/notices/{id}/delete                  -             administrator
/console/content/downloads                            administrator -
/console/content/new-download                         administrator administrator
/console/content/downloads/{id}                       administrator administrator
/console/content/downloads/{id}/delete                -             administrator
";

/// What everybody may post to, and why that is right.
pub const OPEN_POSTS: &[(&str, &str)] = &[
    (
        "/p/{token}",
        "the letter's 128 bits are the right to it; the face decides",
    ),
    ("/register", "whoever wants an account has none"),
    (
        "/register/code",
        "sends a code to the mobile that is typed, within limits",
    ),
    ("/login", "the password is the proof"),
    (
        "/login/code",
        "sends a code to the account's own mobile, within limits",
    ),
    ("/logout", "ends the visitor's own session"),
    ("/recover", "the code by SMS is the proof"),
    (
        "/recover/code",
        "sends a code to the account's own mobile, within limits",
    ),
    ("/picture-code", "draws a picture, within limits"),
    ("/console/login", "the password is the proof"),
    ("/console/logout", "ends the clerk's own session"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Reviewer,
    Maker,
    Shipper,
    Finance,
    Administrator,
}

pub const ROLES: [Role; 5] = [
    Role::Reviewer,
    Role::Maker,
    Role::Shipper,
    Role::Finance,
    Role::Administrator,
];

impl Role {
    /// As it stands in addresses and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reviewer => "reviewer",
            Self::Maker => "maker",
            Self::Shipper => "shipper",
            Self::Finance => "finance",
            Self::Administrator => "administrator",
        }
    }

    fn named(name: &str) -> Option<Self> {
        ROLES.into_iter().find(|role| role.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Everybody,
    Machine,
    Applicant,
    Owner,
    Clerk,
    Role(Role),
    /// The role that stands in the path.
    Queue,
    /// The clerks whose pages lead there.
    Shown,
    /// The same; others ask in vain.
    Holder,
}

impl Who {
    fn named(name: &str) -> Option<Option<Self>> {
        Some(Some(match name {
            "-" => return Some(None),
            "everybody" => Self::Everybody,
            "machine" => Self::Machine,
            "applicant" => Self::Applicant,
            "owner" => Self::Owner,
            "clerk" => Self::Clerk,
            "queue" => Self::Queue,
            "shown" => Self::Shown,
            "holder" => Self::Holder,
            role => Self::Role(Role::named(role)?),
        }))
    }
}

/// Who may GET and POST one route.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub get: Option<Who>,
    pub post: Option<Who>,
}

/// The table by path. An error names the line that cannot be read.
pub fn table() -> Result<BTreeMap<String, Row>, String> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let row = match words.as_slice() {
            [path, get, post] => Who::named(get)
                .zip(Who::named(post))
                .map(|(get, post)| (path.to_string(), Row { get, post })),
            _ => None,
        };
        let (path, row) = row.ok_or_else(|| format!("cannot be read: {line}"))?;
        if rows.insert(path, row).is_some() {
            return Err(format!("stands twice: {line}"));
        }
    }
    Ok(rows)
}

/// Where routes and table differ, one sentence each.
pub fn gaps(routes: &BTreeMap<String, Methods>, table: &BTreeMap<String, Row>) -> Vec<String> {
    let mut gaps = Vec::new();
    for (path, methods) in routes {
        let row = table.get(path);
        let pairs = [
            ("GET", methods.get, row.and_then(|row| row.get)),
            ("POST", methods.post, row.and_then(|row| row.post)),
        ];
        for (method, there, who) in pairs {
            match (there, who) {
                (true, None) => gaps.push(format!("who may {method} {path}? Say it in the table")),
                (false, Some(_)) => gaps.push(format!("no route answers to {method} {path}")),
                _ => {}
            }
        }
        if row.and_then(|row| row.post) == Some(Who::Everybody)
            && !OPEN_POSTS.iter().any(|(open, _)| open == path)
        {
            gaps.push(format!(
                "why may everybody POST {path}? Say it in OPEN_POSTS"
            ));
        }
    }
    for path in table.keys().filter(|path| !routes.contains_key(*path)) {
        gaps.push(format!("there is no route {path} any more"));
    }
    gaps
}
