//! Cookies: read from a request, written to a response. None is readable by a script.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// Names of our cookies. `__Host-` (RFC 6265bis) binds a cookie to this very host and to https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// Token of an applicant's session.
    Applicant,
    /// Token of a clerk's session.
    Clerk,
    /// Whoever has no session yet; ties the forms of log-in and registration to the browser.
    Visit,
    /// Which sentence the next page shows; the name of a text, never the text.
    Flash,
}

impl Cookie {
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Applicant, true) => "__Host-yinxin-session",
            (Self::Applicant, false) => "yinxin-session",
            (Self::Clerk, true) => "__Host-yinxin-clerk",
            (Self::Clerk, false) => "yinxin-clerk",
            (Self::Visit, true) => "__Host-yinxin-visit",
            (Self::Visit, false) => "yinxin-visit",
            (Self::Flash, true) => "__Host-yinxin-flash",
            (Self::Flash, false) => "yinxin-flash",
        }
    }

    pub fn read(self, headers: &HeaderMap, https: bool) -> Option<String> {
        let name = self.name(https);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned())
    }

    /// Until the browser is closed; the session's own end is the database's business.
    pub fn write(self, headers: &mut HeaderMap, https: bool, value: &str) {
        self.append(headers, https, value, "");
    }

    pub fn clear(self, headers: &mut HeaderMap, https: bool) {
        self.append(headers, https, "", "; Max-Age=0");
    }

    fn append(self, headers: &mut HeaderMap, https: bool, value: &str, more: &str) {
        let secure = if https { "; Secure" } else { "" };
        let name = self.name(https);
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
        // Values are tokens and names of our own: always fit for a header.
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_comes_back_as_it_was_written() {
        let mut headers = HeaderMap::new();
        Cookie::Applicant.write(&mut headers, true, "abc");
        let written = headers.get(SET_COOKIE).unwrap().to_str().unwrap();
        assert_eq!(
            written,
            "__Host-yinxin-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        let mut request = HeaderMap::new();
        request.append(
            COOKIE,
            HeaderValue::from_static("a=b; __Host-yinxin-session=abc"),
        );
        assert_eq!(
            Cookie::Applicant.read(&request, true).as_deref(),
            Some("abc")
        );
        assert_eq!(Cookie::Applicant.read(&request, false), None);
        assert_eq!(Cookie::Clerk.read(&request, true), None);
    }
}
