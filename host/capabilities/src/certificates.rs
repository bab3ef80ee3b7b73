//! `yinxin:certificates`: what was issued for the case, and the wish to issue, freeze, restore or revoke.

use crate::bindings::yinxin::certificates::certificates::{
    Attribute, Certificate, Error, Host, Request, Standing,
};
use crate::context::{CertificateStanding, CertificateView};
use crate::desk::{Access, No, Office, answer, ask, is_unprintable, look, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use crate::reads::Part;
use yinxin_core::rules::NamedValue;

crate::desk::refusals!(certificates);

/// The characters that an attribute is written in.
#[derive(Clone, Copy)]
enum Alphabet {
    Any,
    /// PrintableString, as RFC 5280 asks for countryName and serialNumber.
    Printable,
    /// IA5String, of which addresses are made.
    Ascii,
}

/// Attributes that a subject may have, with the upper bounds of RFC 5280 appendix A.1 (characters).
const ATTRIBUTES: [(&str, usize, Alphabet); 13] = [
    ("C", 2, Alphabet::Printable),
    ("ST", 128, Alphabet::Any),
    ("L", 128, Alphabet::Any),
    ("STREET", 128, Alphabet::Any),
    ("O", 64, Alphabet::Any),
    ("OU", 64, Alphabet::Any),
    ("CN", 64, Alphabet::Any),
    ("T", 64, Alphabet::Any),
    ("SN", 64, Alphabet::Any),
    ("GN", 64, Alphabet::Any),
    ("serialNumber", 64, Alphabet::Printable),
    ("emailAddress", 255, Alphabet::Ascii),
    ("UID", 64, Alphabet::Any),
];
/// Attributes of one subject.
const SUBJECT: usize = 16;
/// Months of validity.
const MONTHS: std::ops::RangeInclusive<u32> = 1..=60;
/// Characters of a reason for revoking.
const REASON: usize = 256;

impl Alphabet {
    fn has(self, c: char) -> bool {
        match self {
            Self::Any => !c.is_control(),
            Self::Printable => c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c),
            Self::Ascii => c.is_ascii() && !c.is_control(),
        }
    }
}

impl Host for Office {
    fn issued(&mut self) -> Result<Vec<Certificate>, Refused> {
        permit(self, Capability::Certificates, Access::Read)?;
        look(self, Part::Certificates)?;
        Ok(self
            .host
            .view
            .certificates
            .iter()
            .map(certificate)
            .collect())
    }

    fn issue(&mut self, request: Request) -> Result<(), Refused> {
        permit(self, Capability::Certificates, Access::Write)?;
        well_formed(&request).map_err(|reason| No::Answer(Error::BadRequest(reason)))?;
        look(self, Part::Request)?;
        if !self.host.view.has_request {
            return Err(No::Answer(Error::NoKey));
        }
        let named = |a: Attribute| NamedValue {
            name: a.name,
            value: a.value,
        };
        let subject = request.subject.into_iter().map(named).collect();
        ask(
            self,
            Effect::Issue {
                subject,
                months: request.months,
            },
        )
    }

    fn revoke(&mut self, serial: String, reason: String) -> Result<(), Refused> {
        permit(self, Capability::Certificates, Access::Write)?;
        if reason.chars().count() > REASON || is_unprintable(&reason) {
            return Err(No::Answer(Error::BadRequest(format!(
                "the reason has more than {REASON} characters"
            ))));
        }
        turn(self, &serial, CertificateStanding::Revoked)?;
        ask(self, Effect::Revoke { serial, reason })
    }

    fn hold(&mut self, serial: String) -> Result<(), Refused> {
        permit(self, Capability::Certificates, Access::Write)?;
        turn(self, &serial, CertificateStanding::Held)?;
        ask(self, Effect::Hold { serial })
    }

    fn release(&mut self, serial: String) -> Result<(), Refused> {
        permit(self, Capability::Certificates, Access::Write)?;
        turn(self, &serial, CertificateStanding::Valid)?;
        ask(self, Effect::Release { serial })
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}

/// Moves a certificate of the case to `standing` in what the call sees, where it can go there from where it stands.
fn turn(office: &mut Office, serial: &str, standing: CertificateStanding) -> Result<(), Refused> {
    use CertificateStanding::{Expired, Held, Revoked, Valid};
    look(office, Part::Certificates)?;
    let known = office
        .host
        .view_mut()
        .certificates
        .iter_mut()
        .find(|certificate| certificate.serial == serial);
    let Some(known) = known else {
        return Err(No::Answer(Error::UnknownCertificate(serial.to_owned())));
    };
    let possible = match standing {
        Revoked => known.standing != Revoked,
        Held => known.standing == Valid,
        Valid => known.standing == Held,
        Expired => false,
    };
    if !possible {
        let reason = format!(
            "certificate {serial} is {:?} and cannot become {standing:?}",
            known.standing
        );
        return Err(No::Answer(Error::BadRequest(reason)));
    }
    known.standing = standing;
    Ok(())
}

fn well_formed(request: &Request) -> Result<(), String> {
    if request.subject.is_empty() || request.subject.len() > SUBJECT {
        return Err(format!(
            "{} attributes; 1 to {SUBJECT} are allowed",
            request.subject.len()
        ));
    }
    for Attribute { name, value } in &request.subject {
        let Some((_, longest, alphabet)) = ATTRIBUTES.iter().find(|(known, ..)| known == name)
        else {
            return Err(format!("`{name}` is no known attribute"));
        };
        if value.trim().is_empty() || value.chars().count() > *longest {
            return Err(format!("`{name}` has 1 to {longest} characters"));
        }
        // What the issuer cannot write has to be said while the rule can still answer for it: later, whoever pressed the
        // button would be told to try again.
        if !value.trim().chars().all(|c| alphabet.has(c)) {
            return Err(format!(
                "`{name}` has characters that it cannot be written in"
            ));
        }
    }
    if !MONTHS.contains(&request.months) {
        return Err(format!(
            "{} months; {} to {} are allowed",
            request.months,
            MONTHS.start(),
            MONTHS.end()
        ));
    }
    Ok(())
}

fn certificate(view: &CertificateView) -> Certificate {
    Certificate {
        serial: view.serial.clone(),
        subject: view.subject.clone(),
        not_before: view.not_before,
        not_after: view.not_after,
        standing: match view.standing {
            CertificateStanding::Valid => Standing::Valid,
            CertificateStanding::Held => Standing::Held,
            CertificateStanding::Revoked => Standing::Revoked,
            CertificateStanding::Expired => Standing::Expired,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, value: &str, months: u32) -> Request {
        Request {
            subject: vec![Attribute {
                name: name.into(),
                value: value.into(),
            }],
            months,
        }
    }

    #[test]
    fn what_cannot_be_written_in_an_attributes_alphabet_is_said_at_once() {
        for (name, value) in [
            ("C", "中国"),
            ("serialNumber", "编号 1"),
            ("serialNumber", "a_b"),
            ("emailAddress", "王@example.cn"),
        ] {
            let said = well_formed(&request(name, value, 12)).unwrap_err();
            assert!(said.contains(&format!("`{name}` has characters")), "{said}");
        }
        assert_eq!(
            well_formed(&request("serialNumber", "91350100-M0 (1)", 12)),
            Ok(())
        );
        assert_eq!(
            well_formed(&request("emailAddress", "a_b@example.cn", 12)),
            Ok(())
        );
    }

    #[test]
    fn a_request_is_checked_against_the_upper_bounds_of_rfc_5280() {
        assert_eq!(well_formed(&request("CN", "鹰潭某某有限公司", 12)), Ok(()));
        assert!(
            well_formed(&request("CN", &"长".repeat(65), 12))
                .unwrap_err()
                .contains("`CN` has 1 to 64")
        );
        assert!(well_formed(&request("CN", " ", 12)).is_err());
        assert!(
            well_formed(&request("cn", "x", 12))
                .unwrap_err()
                .contains("`cn` is no known attribute")
        );
        assert!(well_formed(&request("C", "CHN", 12)).is_err());
        assert!(well_formed(&request("CN", "x\0", 12)).is_err());
        assert!(well_formed(&request("CN", "甲\n乙", 12)).is_err());
        assert!(
            well_formed(&request("CN", "x", 0))
                .unwrap_err()
                .contains("0 months")
        );
        assert!(well_formed(&request("CN", "x", 61)).is_err());
        assert!(
            well_formed(&Request {
                subject: vec![],
                months: 12
            })
            .is_err()
        );
    }
}
