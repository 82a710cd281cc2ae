import Foundation

/// Where a process finds its key. The first that is there counts:
///
/// 1. a file: `--key FILE`, or the environment variable `SKEIN_KEY_FILE`;
/// 2. the environment variable `SKEIN_KEY`: the line of such a file;
/// 3. a credential `skein.key` of systemd (`LoadCredential=skein.key:...`), in `CREDENTIALS_DIRECTORY`.
///
/// A Kubernetes secret is a file where it is mounted, or `SKEIN_KEY` by `secretKeyRef`.
package enum KeySource {
    package static let variable = "SKEIN_KEY"
    package static let fileVariable = "SKEIN_KEY_FILE"
    private static let credential = "skein.key"

    /// - Parameter file: of the command line.
    /// - Returns: nil when this process has no key.
    package static func find(
        file: String?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> ProcessKey? {
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let path = file ?? given(fileVariable) {
            return try ProcessKey(parsing: PrivateFile.read(path), from: path)
        }
        if let text = given(variable) {
            // Programs that this process starts, such as a reward's, are not to inherit it.
            unsetenv(variable)
            return try ProcessKey(parsing: text, from: variable)
        }
        if let directory = given("CREDENTIALS_DIRECTORY") {
            let path = "\(directory)/\(credential)"
            if FileManager.default.fileExists(atPath: path) {
                return try ProcessKey(parsing: PrivateFile.read(path, isCredential: true), from: path)
            }
        }
        return nil
    }
}
