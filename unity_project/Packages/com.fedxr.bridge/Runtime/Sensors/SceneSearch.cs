#if FEDXR_ARFOUNDATION
using UnityEngine;

namespace Fedxr
{
    /// <summary>The scene's first <typeparamref name="T"/>. While there is none, as before an XR rig is
    /// loaded, it is looked for once a second.</summary>
    sealed class SceneSearch<T> where T : Object
    {
        T found;
        float nextSeconds;

        /// <summary>Null while there is none.</summary>
        internal T Found
        {
            get
            {
                if (!found && Time.unscaledTime >= nextSeconds)
                {
                    found = Object.FindFirstObjectByType<T>();
                    nextSeconds = Time.unscaledTime + 1;
                }
                return found;
            }
        }
    }
}
#endif
