//! eif-peer build FILE KERNEL CMDLINE METADATA CERTIFICATE|- KEY|- RAMDISK…  writes an image and prints its measurements
//! eif-peer describe FILE  prints what nitro-cli describe-eif takes from the library
use aws_nitro_enclaves_image_format::defs::EifIdentityInfo;
use aws_nitro_enclaves_image_format::utils::eif_reader::EifReader;
use aws_nitro_enclaves_image_format::utils::{get_pcrs, EifBuilder, PcrSignatureChecker, SignEnclaveInfo};
use serde_json::{json, Value};
use sha2::{Digest, Sha384};
use std::{env, error::Error, fs::File, path::Path};

fn build(words: &[String]) -> Result<Value, Box<dyn Error>> {
    let [file, kernel, cmdline, metadata, certificate, key, ramdisks @ ..] = words else { return Err("build: too few words".into()) };
    let identity: EifIdentityInfo = serde_json::from_reader(File::open(metadata)?)?;
    let sign = if certificate == "-" { None } else { Some(SignEnclaveInfo::new(certificate, key)?) };
    let mut builder = EifBuilder::new(Path::new(kernel), cmdline.clone(), sign, Sha384::new(), 0, identity);
    for ramdisk in ramdisks {
        builder.add_ramdisk(Path::new(ramdisk));
    }
    let measurements = builder.write_to(&mut File::create(file)?);
    Ok(json!({ "Measurements": measurements }))
}

fn describe(file: &str) -> Result<Value, Box<dyn Error>> {
    let mut reader = EifReader::from_eif(file.to_string())?;
    let signed = reader.signature_section.is_some();
    let measurements = get_pcrs(&mut reader.image_hasher, &mut reader.bootstrap_hasher, &mut reader.app_hasher, &mut reader.cert_hasher,
                                Sha384::new(), signed)?;
    let mut told = json!({ "EifVersion": reader.get_header().version, "Measurements": measurements, "IsSigned": signed,
                           "CheckCRC": reader.check_crc(), "Identity": reader.get_metadata() });
    if signed {
        told["SigningCertificate"] = serde_json::to_value(reader.get_certificate_info(measurements)?)?;
        told["SignatureCheck"] = json!(reader.sign_check);
        told["StartsWithNitroCli"] = json!(PcrSignatureChecker::from_eif(file)?.verify().is_ok());
    }
    Ok(told)
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let told = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["build", ..] => build(&words[1..])?,
        ["describe", file] => describe(file)?,
        _ => return Err("give build or describe".into()),
    };
    println!("{told:#}");
    Ok(())
}
