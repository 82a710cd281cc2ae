import AtomicFiles
package import Foundation
import Torch

/// A Hugging Face style directory: on disk, or name -> bytes in memory as an artifact comes over the wire.
package enum ModelFiles {
    case directory(String)
    case memory([String: Data])

    package static let weightsFile = "model.safetensors"

    /// The files beside the weights that make up the tokenizer and how text is generated; copied by an export.
    package static let companions = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "merges.txt", "tokenizer.model", "chat_template.jinja", "generation_config.json",
    ]

    var label: String {
        switch self {
        case .directory(let path): "directory '\(path)'"
        case .memory: "the artifact"
        }
    }

    func has(_ name: String) -> Bool {
        switch self {
        case .directory(let path): FileManager.default.fileExists(atPath: "\(path)/\(name)")
        case .memory(let files): files[name] != nil
        }
    }

    /// What messages call one file.
    func label(_ name: String) -> String {
        switch self {
        case .directory(let path): "'\(path)/\(name)'"
        case .memory: "'\(name)'"
        }
    }

    func data(_ name: String) throws -> Data {
        switch self {
        case .directory(let path):
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
                throw LanguageModelError(.file, "there is no directory '\(path)'")
            }
            guard has(name) else {
                throw LanguageModelError(.file, "directory '\(path)' has no file '\(name)'")
            }
            do {
                return try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
            } catch {
                throw LanguageModelError(.file, "cannot read '\(path)/\(name)': \(error)", cause: error)
            }
        case .memory(let files):
            guard let data = files[name] else {
                throw LanguageModelError(.file, "the artifact has no file '\(name)'")
            }
            return data
        }
    }

    func safetensors(_ name: String) throws -> Safetensors {
        switch self {
        case .directory(let path):
            guard has(name) else { throw LanguageModelError(.file, "directory '\(path)' has no file '\(name)'") }
            return try Safetensors(path: "\(path)/\(name)")
        case .memory:
            return try Safetensors(data: try data(name), name: name)
        }
    }

    package func configuration() throws -> ModelConfiguration {
        try ModelConfiguration(data: data("config.json"), source: label("config.json"))
    }

    /// Those of ``companions`` that are there.
    func readCompanions() throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in Self.companions where has(name) { found[name] = try data(name) }
        return found
    }

    /// Writes one file after another, each atomically, into a directory that is made when it is missing.
    static func write(_ files: [String: Data], to directory: String, synced: Bool = true) throws {
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw LanguageModelError(.file, "cannot make directory '\(directory)': \(error)", cause: error)
        }
        for (name, data) in files.sorted(by: { $0.key < $1.key }) {
            try AtomicFile.write(data, to: "\(directory)/\(name)", synced: synced)
        }
    }
}
