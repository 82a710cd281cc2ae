import Cryptography
import Foundation

/// Bearer tokens by their hashes. Tokens are random, so that a plain hash is enough, and a stolen list of hashes is of no use.
package enum AccessTokens {
    package static func hash(_ token: String) -> [UInt8] {
        Data(token.utf8).withUnsafeBytes { SHA256.digest($0) }
    }
}
