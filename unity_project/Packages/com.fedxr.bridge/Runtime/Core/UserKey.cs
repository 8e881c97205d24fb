using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;

namespace Fedxr
{
    /// <summary>Who a user is: a key pair, made on the first visit and kept. An agent knows its user by
    /// the key; the private half never leaves this device. See PROTOCOL.md, who is who.</summary>
    /// <remarks>RSA, because it is what every .NET of Unity's has: ECDsa is not there in Mono, nor on
    /// Android. Making a key takes seconds on a headset, once, beside the scene.</remarks>
    sealed class UserKey
    {
        internal const int Bits = 2048;
        internal const int NonceBytes = 32;
        const string Purpose = "fedxr: I am the user of this key\n";

        static readonly Dictionary<string, UserKey> unkept = new Dictionary<string, UserKey>();

        readonly RSAParameters key;

        UserKey(RSAParameters key)
        {
            this.key = key;
            Public = key.Modulus;
        }

        /// <summary>What the hello carries: 256 bytes.</summary>
        internal byte[] Public { get; }

        /// <summary>The key of <paramref name="user"/>, made on the first visit. Without a
        /// <paramref name="store"/> it is forgotten when the program ends.</summary>
        /// <exception cref="RefusedException">It cannot be kept, or what is kept is no key.</exception>
        internal static UserKey Of(string user, IKeyStore store)
        {
            if (store == null)
                lock (unkept)
                {
                    UserKey made;
                    if (!unkept.TryGetValue(user, out made))
                        unkept.Add(user, made = Parse(Make()));
                    return made;
                }
            try
            {
                return Parse(store.Load(user) ?? store.Keep(user, Make()));
            }
            catch (Exception error)
            {
                throw new RefusedException("the key of user '" + user + "' cannot be read or kept (" + error.Message
                    + "); make room for it, or delete it to begin as a new person");
            }
        }

        /// <summary>The answer to a server's challenge: the signature over it and over the host that was
        /// dialled.</summary>
        /// <exception cref="FormatException">It is no challenge.</exception>
        internal byte[] Prove(byte[] nonce, string host)
        {
            if (nonce.Length != NonceBytes)
                throw new FormatException("a challenge of " + nonce.Length + " bytes; due are " + NonceBytes);
            byte[] head = Encoding.ASCII.GetBytes(Purpose), tail = Encoding.UTF8.GetBytes(host.ToLowerInvariant());
            var signed = new byte[head.Length + nonce.Length + tail.Length];
            head.CopyTo(signed, 0);
            nonce.CopyTo(signed, head.Length);
            tail.CopyTo(signed, head.Length + nonce.Length);
            using (var rsa = new RSACryptoServiceProvider())
            using (SHA256 sha = SHA256.Create())
            {
                rsa.PersistKeyInCsp = false;
                rsa.ImportParameters(key);
                return rsa.SignHash(sha.ComputeHash(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            }
        }

        static string Make()
        {
            using (var rsa = new RSACryptoServiceProvider(Bits))
            {
                rsa.PersistKeyInCsp = false;
                return rsa.ToXmlString(true);
            }
        }

        static UserKey Parse(string text)
        {
            using (var rsa = new RSACryptoServiceProvider())
            {
                rsa.PersistKeyInCsp = false;
                rsa.FromXmlString(text);
                RSAParameters key = rsa.ExportParameters(true);
                if (key.Modulus.Length != Bits / 8)
                    throw new FormatException("a key of " + 8 * key.Modulus.Length + " bits; due are " + Bits);
                return new UserKey(key);
            }
        }
    }
}
