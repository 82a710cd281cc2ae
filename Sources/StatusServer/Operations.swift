import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Cryptography
import Synchronization

/// Commands that were accepted, by `Idempotency-Key`: one that is sent again because its answer was lost is done once.
final class Operations: Sendable {
    static let keyHeader = HTTPField.Name("Idempotency-Key") ?? .ifMatch

    private struct Entry { var key: String; var id: String }

    /// Old keys are forgotten; nobody sends a command again that long after.
    private static let remembered = 1000

    private let entries = Mutex<[Entry]>([])

    /// - Parameter key: what the client sent; nil = every call is new. The same key for another command is another key.
    func begin(_ what: String, key: String?) -> (id: String, isNew: Bool) {
        let fresh = "\(what)-\(Hexadecimal.text(Secrets.randomBytes(6)))"
        guard let key else { return (fresh, true) }
        let name = "\(what) \(key.prefix(200))"
        return entries.withLock { entries in
            if let known = entries.first(where: { $0.key == name }) { return (known.id, false) }
            entries.append(Entry(key: name, id: fresh))
            if entries.count > Self.remembered { entries.removeFirst() }
            return (fresh, true)
        }
    }

    /// It failed: the same key may try again.
    func forget(_ id: String) { entries.withLock { $0.removeAll { $0.id == id } } }
}

/// Bounds what a request may send.
struct StatusContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    init(source: Source) { coreContext = .init(source: source) }
    var maxUploadSize: Int { 64 << 10 }

    /// Paths in the words of an error are to be read by people.
    var responseEncoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }
}
