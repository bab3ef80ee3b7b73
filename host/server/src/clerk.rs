//! `yinxin clerk create`: the first administrator of a site, who makes the others in the console.

use crate::serve::PlaceArguments;
use crate::{config, wiring};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use std::process::ExitCode;
use std::sync::Arc;
use yinxin_core::definition::Role;
use yinxin_core::time::SystemClock;
use yinxin_services::accounts::{AccountError, Passwords};
use yinxin_services::staff::{Hiring, Staff};
use yinxin_store::seal::Sealer;

#[derive(Subcommand)]
pub enum Clerk {
    /// Make a clerk; the password is read from standard input and has to be changed at the first log-in
    Create(Create),
}

#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    places: PlaceArguments,
    /// Site that the clerk works on
    #[arg(long)]
    site: String,
    /// Login name
    #[arg(long)]
    login: String,
    /// Name shown to colleagues
    #[arg(long)]
    name: String,
    /// The clerk's own mobile number, so that nobody decides about his own payments; may be left out
    #[arg(long, default_value = "")]
    mobile: String,
    /// What the clerk may do; may be given several times
    #[arg(long = "role", required = true)]
    roles: Vec<RoleName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Reviewer,
    Finance,
    Maker,
    Shipper,
    Administrator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Reviewer => Self::Reviewer,
            RoleName::Finance => Self::Finance,
            RoleName::Maker => Self::Maker,
            RoleName::Shipper => Self::Shipper,
            RoleName::Administrator => Self::Administrator,
        }
    }
}

impl Clerk {
    pub async fn run(self) -> Result<ExitCode> {
        let Self::Create(create) = self;
        let places = create.places.places();
        let sites = config::read_sites(&places.sites)?;
        let site = sites
            .get(&create.site)
            .with_context(|| format!("there is no site `{}`", create.site))?;
        let mut password = String::new();
        std::io::stdin()
            .read_line(&mut password)
            .context("the password cannot be read")?;
        let sealer = Arc::new(Sealer::new(&wiring::master_key(&places.data)?));
        let store = wiring::open_store(&places).await?;
        let staff = Staff::new(store, sealer, Arc::new(SystemClock), Passwords::new()?);
        let roles: Vec<Role> = create.roles.into_iter().map(Role::from).collect();
        let hiring = Hiring {
            login: &create.login,
            name: &create.name,
            mobile: &create.mobile,
            roles: &roles,
            password: password.trim_end_matches(['\r', '\n']),
        };
        match staff.create(&site.id()?, hiring, None).await {
            Ok(id) => {
                println!("clerk {} was made: {id}", create.login);
                Ok(ExitCode::SUCCESS)
            }
            Err(AccountError::Refused(refusal)) => {
                let sentences = refusal
                    .problems
                    .iter()
                    .map(|problem| problem.message.as_str());
                bail!("{}", sentences.collect::<Vec<_>>().join("; "))
            }
            Err(error) => Err(error.into()),
        }
    }
}
