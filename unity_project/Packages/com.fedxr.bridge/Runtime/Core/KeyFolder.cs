using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Fedxr
{
    /// <summary>Where users' keys are kept from one run to the next. A key is a secret text: whoever has
    /// it is that user. Called beside the scene's thread.</summary>
    public interface IKeyStore
    {
        /// <summary>The key of <paramref name="user"/>; null before the first visit.</summary>
        string Load(string user);

        /// <summary>Keep <paramref name="key"/> unless there is one by now; returns the one that is kept.</summary>
        string Keep(string user, string key);
    }

    /// <summary>Keys as files in a folder that is this user's alone, such as Unity's
    /// <c>Application.persistentDataPath</c>.</summary>
    public sealed class KeyFolder : IKeyStore
    {
        readonly string folder;

        /// <param name="folder">The folder; it is made when the first key is.</param>
        public KeyFolder(string folder)
        {
            this.folder = folder;
        }

        /// <inheritdoc/>
        public string Load(string user)
        {
            string path = PathOf(user);
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }

        /// <inheritdoc/>
        public string Keep(string user, string key)
        {
            string path = PathOf(user), making = path + "." + Guid.NewGuid().ToString("N");
            Directory.CreateDirectory(folder);
            File.WriteAllText(making, key);
            try
            {
                File.Move(making, path); // whole, and never over another one
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(making);
            }
            return File.ReadAllText(path);
        }

        /// <summary>Readable, and another one for every name.</summary>
        string PathOf(string user)
        {
            string readable = Uri.EscapeDataString(user);
            using (SHA256 sha = SHA256.Create())
            {
                byte[] digest = sha.ComputeHash(Encoding.UTF8.GetBytes(user));
                return Path.Combine(folder, readable.Substring(0, Math.Min(readable.Length, 60)) + "-"
                    + BitConverter.ToString(digest, 0, 4).Replace("-", "").ToLowerInvariant() + ".key");
            }
        }
    }
}
