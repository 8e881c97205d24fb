using System;
using System.Collections;
using System.Collections.Generic;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.SceneManagement;
using UnityEngine.TestTools;

namespace Fedxr.Tests
{
    /// <summary>Each scene in play mode against a real agent. Needs the real editor and an agent:
    /// start <c>fedxr serve</c> and set FEDXR_URL (and FEDXR_TOKEN), or pass <c>-fedxrUrl</c> and
    /// <c>-fedxrToken</c> to the editor; without them these tests are ignored. Never run so far:
    /// what stands in for them is tests/unity_project/test_scenes_play.py.</summary>
    public class ScenesPlay
    {
        const float Patience = 30;

        [UnityTest]
        public IEnumerator TheAgentAnswers(
            [Values("Overlays", "Neuroadaptive", "Companion", "Storytelling")] string scene)
        {
            string url = Given("FEDXR_URL", "-fedxrUrl");
            if (string.IsNullOrEmpty(url))
                Assert.Ignore("no agent: set FEDXR_URL to where `fedxr serve` listens");
            HeadsetConnection headset = null;
            UnityEngine.Events.UnityAction<Scene, LoadSceneMode> point = (loaded, mode) =>
            {
                headset = UnityEngine.Object.FindAnyObjectByType<HeadsetConnection>();
                headset.Url = url;
                headset.Token = Given("FEDXR_TOKEN", "-fedxrToken") ?? "";
            };
            SceneManager.sceneLoaded += point; // before the connection's Start
            yield return SceneManager.LoadSceneAsync(scene);
            SceneManager.sceneLoaded -= point;
            var answered = new HashSet<string>();
            headset.ReplyArrived += reply =>
            {
                foreach (Answer answer in reply.Answers)
                    answered.Add(answer.Task);
            };
            double until = Time.realtimeSinceStartupAsDouble + Patience;
            while (answered.Count == 0 && Time.realtimeSinceStartupAsDouble < until)
                yield return null;
            Assert.AreEqual(ConnectionState.Open, headset.Client.State, headset.Client.Trouble);
            Assert.AreNotEqual(0, answered.Count, "no answer within " + Patience + " s");
            for (int frame = 0; frame < 300; frame++)
                yield return null;
            Assert.AreEqual(0, headset.Client.Stats.FramesDropped);
            LogAssert.NoUnexpectedReceived();
        }

        static string Given(string variable, string argument)
        {
            string[] arguments = Environment.GetCommandLineArgs();
            int at = Array.IndexOf(arguments, argument);
            return Environment.GetEnvironmentVariable(variable)
                ?? (at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null);
        }
    }
}
