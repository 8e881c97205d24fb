using Fedxr;
using UnityEngine;

/// <summary>Moves the tool: 1 rests, 2 stirs, 3 hammers. Return tells the agent which of them it
/// was: that is all the teaching there is.</summary>
public sealed class ToolHand : MonoBehaviour
{
    [SerializeField] HeadsetConnection headset;

    Vector3 home;
    int doing;

    void Start()
    {
        home = transform.position;
    }

    void Update()
    {
        for (int i = 0; i < 3; i++)
            if (UserInput.Down(KeyCode.Alpha1 + i))
                doing = i;
        if (UserInput.Down(KeyCode.Return))
            headset.Say("tool", doing);
        Move(Time.time);
    }

    void Move(float t)
    {
        float round = 2 * Mathf.PI * 1.2f * t, blow = 2 * Mathf.PI * 2f * t;
        transform.position = doing == 1
            ? home + 0.12f * new Vector3(Mathf.Cos(round), 0, Mathf.Sin(round))
            : home + Vector3.up * (doing == 2 ? 0.1f * Mathf.Sin(blow) : 0);
        transform.rotation = Quaternion.Euler(doing == 2 ? 35 * Mathf.Sin(blow) : 0, 0, 0);
    }
}
