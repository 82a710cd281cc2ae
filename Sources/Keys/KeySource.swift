import Foundation

/// Where a process finds its key. The first that is there counts:
///
/// 1. a file: `--key FILE`, or the environment variable `SKEIN_KEY_FILE`; `-` is the first line of standard input, so
///    that a key crosses an ssh session and is written nowhere;
/// 2. the environment variable `SKEIN_KEY`: the line of such a file;
/// 3. a credential `skein.key` of systemd (`LoadCredential=skein.key:...`), in `CREDENTIALS_DIRECTORY`.
///
/// A Kubernetes secret is a file where it is mounted, or `SKEIN_KEY` by `secretKeyRef`.
package enum KeySource {
    package static let variable = "SKEIN_KEY"
    package static let fileVariable = "SKEIN_KEY_FILE"
    private static let credential = "skein.key"

    /// Reads byte by byte, and waits for no more than the line: the input goes on being open.
    ///
    /// - Returns: the first line that is no remark.
    static func firstLine(of descriptor: Int32) throws -> String {
        var line: [UInt8] = []
        var count = 0
        var byte: UInt8 = 0
        while count < longest {
            let got = read(descriptor, &byte, 1)
            if got < 0, errno == EINTR { continue }
            guard got == 1 else { break }
            count += 1
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            let text = String(decoding: line, as: UTF8.self)
            if KeyLine.words(text) != nil { return text }
            line = []
        }
        throw KeyError("no key came on standard input; send the line of its file")
    }

    /// Bytes; no key with its remarks is longer.
    private static let longest = 4096

    /// - Parameter file: of the command line.
    /// - Returns: nil when this process has no key.
    package static func find(
        file: String?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> ProcessKey? {
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let path = file ?? given(fileVariable) {
            if path == "-" { return try ProcessKey(parsing: firstLine(of: STDIN_FILENO), from: "standard input") }
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
