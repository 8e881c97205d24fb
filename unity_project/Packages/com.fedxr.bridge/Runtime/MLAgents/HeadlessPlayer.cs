using System;
using UnityEngine;
using UnityEngine.SceneManagement;

namespace Fedxr
{
    /// <summary>A built player that Python started (<c>fedxr unity --player …</c>) gets its agent by
    /// itself, so that a scene needs nothing of ML-Agents in it.</summary>
    static class HeadlessPlayer
    {
        const string Port = "--mlagents-port";

        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.BeforeSceneLoad)]
        static void Look()
        {
            SceneManager.sceneLoaded -= Attach; // without a domain reload the last run's is still there
            if (Array.IndexOf(Environment.GetCommandLineArgs(), Port) >= 0)
                SceneManager.sceneLoaded += Attach; // before the scene's first Start
        }

        static void Attach(Scene scene, LoadSceneMode mode)
        {
            foreach (HeadsetConnection headset in
                UnityEngine.Object.FindObjectsByType<HeadsetConnection>(FindObjectsSortMode.None))
                if (headset.GetComponent<HeadsetAgent>() == null)
                    headset.gameObject.AddComponent<HeadsetAgent>();
        }
    }
}
